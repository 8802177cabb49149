/**
 * The seams between the pure core and the outside: types only. Every adapter implements one of
 * these, every verb takes them as parameters, and tests replace them one by one.
 */
import type { AttachmentKey, PodRef } from "./cni/request";
import type { Mark } from "./net/mark";
import type { Traffic } from "./traffic";

/** Annotations of the pod and of its namespace, as the API server has them. */
export interface PodAnnotations {
  readonly pod: Readonly<Record<string, string>>;
  readonly namespace: Readonly<Record<string, string>>;
}

/** Where annotations come from when the runtime did not pass them. */
export interface PodSource {
  /**
   * Reads pod and namespace at once, metadata only. Where the pod's annotations already decide
   * (`decides`), the namespace is not waited for, stays empty, and may not even be readable.
   * Throws CniError: `tryAgainLater` (unreachable, 5xx, time-out, pod not there yet, stale UID),
   * `forbidden` (403, names the RBAC remedy), `unauthorized`, `untrusted`, `kubeconfig`, `apiAnswer`.
   */
  read(
    pod: PodRef,
    decides?: (podAnnotations: Readonly<Record<string, string>>) => boolean,
  ): Promise<PodAnnotations>;
  /** The namespace alone, for a pod whose own annotations the runtime passed. Same errors. */
  readNamespace(pod: PodRef): Promise<Readonly<Record<string, string>>>;
}

/** The mark of one attachment, as it is to be in force. */
export interface Marking {
  readonly mark: Mark;
  /** Bare IPv4 or IPv6 literals, canonical form, no prefix length. */
  readonly addresses: readonly string[];
  /** true: replies of inbound connections keep the mark. */
  readonly markReplies: boolean;
}

/** What a backend needs to put a mark in force. */
export interface MarkOrder extends Marking {
  readonly key: AttachmentKey;
  /** `<namespace>/<pod>` for people who read what is installed; may be "". */
  readonly label: string;
  readonly confirm?: Confirm;
}

/** What became of an order. */
export interface Installed {
  /** For the record. */
  readonly place: string;
  /** Tags of the attachments that had to give way. */
  readonly evicted: readonly string[];
}

/** An attachment whose marks are to be as its record says. */
export interface RestoreOrder extends MarkOrder {
  /** Where the record says that they are; undefined, or a place that nobody knows: where new ones go. */
  readonly place: string | undefined;
}

/** An attachment whose marks are as they should be. */
export interface Restored {
  readonly tag: string;
  /** For the record. */
  readonly place: string;
  /** False when there was nothing to do. */
  readonly changed: boolean;
}

/**
 * Asked under the locks of the addresses, before anything changes; throws when the change is not wanted any
 * more. A request that was held up must not take an address from whoever has it now.
 */
export type Confirm = () => void;

/** Where the marks of an attachment are, as its record says. */
export interface MarkPlace {
  /** The place that `install` returned, or one that only another version knows. */
  readonly backend: string;
  readonly addresses: readonly string[];
  /**
   * What was installed there, if the record says so: a guess by which a backend may begin. It says
   * nothing of what others have made of it since.
   */
  readonly order?: MarkOrder;
}

/** How a removal goes along with the rest of a DEL. */
export interface Leaving {
  /**
   * A backend may call it once the marks that it knows of are out of force, and go on looking for others; one
   * that does not is done when it returns.
   */
  readonly outOfForce: () => void;
  /** Resolves when the rest has been tried: true when the attachment can send nothing any more. */
  readonly silent: Promise<boolean>;
}

/**
 * One piece of what a backend installs for one address. How many there are, and what they are, only the
 * backend knows.
 */
export interface MarkPiece {
  readonly address: string;
  /** For people, and to distinguish the pieces of one address, e.g. `mark rule`. */
  readonly piece: string;
  readonly mark: Mark;
}

/** One managed piece as the kernel has it. Foreign ones are never listed. */
export interface InstalledMark extends Omit<MarkPiece, "mark"> {
  /** The place it is in, as records have it. */
  readonly backend: string;
  /** Hash of the attachment's key, see lib/marks/tag. */
  readonly tag: string;
  readonly label: string;
  /** undefined: it is not intact, which is to say that it does something else than what was installed. */
  readonly mark: Mark | undefined;
  /** For people: how the backend's own tools print it. */
  readonly text: string;
}

/** The marks on this node. All methods throw CniError `rules`, or `tryAgainLater` for a lock that stays busy. */
export interface Marks {
  /**
   * Starts what install() and evict() will need while something else runs: a listing that is used
   * only if no managed mark changes in the meantime, and, where a mark `willBeInstalled`, the program
   * that will do it. Never fails.
   */
  anticipate(willBeInstalled?: boolean): void;
  /**
   * Puts the mark in force for the attachment and for nobody else on these addresses, all at once or
   * not at all; what is foreign stays. Returns the place for the record, and the tags that were evicted.
   */
  install(order: MarkOrder): Promise<Installed>;
  /**
   * install() with the guard's entry, both at once. undefined: something is on these addresses, or not as it should
   * be; nothing was done. Absent where a backend has no way to do so.
   */
  installGuarded?(order: MarkOrder): Promise<Installed | undefined>;
  /**
   * Puts back what is missing or wrong for many attachments at once, under the locks of all their addresses. Only
   * marks of these attachments change. Passed over, and not among those returned, is an order whose `confirm`
   * throws, and one on whose addresses another attachment's mark is. `confirm` is asked again at the end,
   * because a DEL needs no lock to remove marks: what is not wanted any more is taken back. Throws when
   * some could not be restored; the others may have been.
   */
  restore(orders: readonly RestoreOrder[]): Promise<readonly Restored[]>;
  /**
   * For an attachment without a mark: removes those of every other attachment on these addresses,
   * wherever they may be, so that a reused address inherits no tenant.
   * A node whose kernel has no such tables has no marks, and that is fine; throws CniError `rules` where
   * some may be and the programs to list them are missing. Returns the tags that were evicted.
   */
  evict(
    key: AttachmentKey,
    addresses: readonly string[],
    confirm?: Confirm,
  ): Promise<readonly string[]>;
  /**
   * Removes every mark of these tags, where they are known to be, or (undefined, or a place that nobody
   * knows) wherever they may be. Absent ones are fine. Where marks may be and cannot be listed, the others
   * are removed, then it throws.
   */
  remove(tags: readonly string[], known?: MarkPlace, leaving?: Leaving): Promise<void>;
  /** All managed marks, wherever they may be. Throws where it cannot look. */
  list(): Promise<readonly InstalledMark[]>;
  /** The counters of the managed marks, wherever they may be. Throws where it cannot look. */
  traffic(): Promise<readonly Traffic[]>;
  /** Whether install() could work now; throws what is wrong otherwise. Changes nothing. */
  probe(): Promise<void>;
}

/** A way to mark packets, for as long as the process lives. */
export interface MarkBackend {
  /** Places that records and listings may name; no other backend has one of them. */
  readonly places: readonly string[];
  /** The place where new marks go; undefined while that is not decided. Looks at no firewall. */
  home(): string | undefined;
  /** Pure: what list() has in that place when all is well, in its order. */
  pieces(marking: Marking, place: string | undefined): readonly MarkPiece[];
  /**
   * The marks for one operation. `environment`: what every program gets that changes something, so that
   * a DEL recognises what a killed ADD has left running.
   */
  open(environment: Readonly<Record<string, string>>): Marks;
}

export interface ExecRequest {
  /** Absolute path. */
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string | Uint8Array;
  readonly timeoutMs: number;
  /** Bytes kept of stdout; more is an overflow and kills the process group. */
  readonly maxStdout: number;
  /** Bytes kept of stderr; more is dropped, the process goes on. */
  readonly maxStderr: number;
  /** Called for each piece of stderr with all of it that is kept so far. */
  readonly onStderr?: (soFar: string) => void;
}

/** What became of a child process. Never thrown: a failure to start is `spawnError`. */
export interface ExecOutcome {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: Uint8Array;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly overflow: boolean;
  /** errno name such as ENOENT, EACCES, ETXTBSY; undefined when the process started. */
  readonly spawnError: string | undefined;
}

/** A program that has been started and waits for its stdin. */
export interface Started {
  /** Gives it its stdin and resolves when it has ended. Its time counts from here. At most once. */
  finish(stdin: string | Uint8Array): Promise<ExecOutcome>;
  /** Kills one that has got no stdin. */
  abandon(): void;
}

/** Runs one program in its own process group; at the deadline the whole group is killed. */
export interface Exec {
  run(request: ExecRequest): Promise<ExecOutcome>;
  /** Starts a program whose stdin is not known yet. Without it, run() has to do once it is. */
  start?(request: Omit<ExecRequest, "stdin">): Started;
}

/** A program that runs on until it is stopped. Its output is a sign that something happened. */
export interface Stream {
  /** Why it ended, for people: a status or signal with what stderr said, each line once, or an errno. Never rejects. */
  readonly ended: Promise<string>;
  /** Kills it. May be called at any time. */
  stop(): void;
}

/** Starts `path` with `args` and `env`; calls `onOutput` for every piece of its stdout. Never throws. */
export type StartStream = (
  request: Pick<ExecRequest, "path" | "args" | "env">,
  onOutput: (piece: Uint8Array) => void,
) => Stream;

/** A program that is talked to until it is stopped. While it is idle it does not keep this process alive. */
export interface Talk {
  /** Never throws: a program that has ended says so in `ended`. */
  write(text: string): void;
  /** No answer is awaited until the next write. */
  idle(): void;
  /** Why it ended, for people: a status, a signal or an errno. Never rejects. */
  readonly ended: Promise<string>;
  /** Kills it. May be called at any time. */
  stop(): void;
}

/** Starts `path` with `args` and `env`; calls `onOutput` with every piece of its stdout. Never throws. */
export type StartTalk = (
  request: Pick<ExecRequest, "path" | "args" | "env">,
  onOutput: (text: string) => void,
) => Talk;

export interface Clock {
  /** Wall clock, for people. */
  now(): Date;
  /** Milliseconds from an arbitrary start; never goes back. */
  elapsed(): number;
  sleep(ms: number): Promise<void>;
}

export type LogLevel = "error" | "warn" | "info" | "debug";

/** Log sink. Values are escaped by the adapter; stdout is never written. */
export interface Log {
  write(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void;
}

/** Mutual exclusion between processes of this node; released by the kernel when its holder dies. */
export interface Lock {
  /** Waits at most `timeoutMs`, then throws CniError `tryAgainLater`. */
  hold<T>(timeoutMs: number, body: () => Promise<T>): Promise<T>;
}

/** One such lock for each name, first come, first served. Names are plain words: a tag, an address. */
export interface Locks {
  /** Holds all of `names` during `body`; waits at most `timeoutMs` in all, then throws CniError `tryAgainLater`. */
  hold<T>(names: readonly string[], timeoutMs: number, body: () => Promise<T>): Promise<T>;
  /** Removes what killed processes have left in the queues. Never fails. */
  sweep(): Promise<void>;
}

/** Processes that a killed ADD may have left running. */
export interface LeftoverProcesses {
  /**
   * Lets them finish for a moment, then kills them and waits until they are gone. Returns how many there were.
   * `spared`: PIDs of processes that are none, whatever they look like.
   */
  end(containerId: string, ifname: string, spared?: readonly number[]): Promise<number>;
}
