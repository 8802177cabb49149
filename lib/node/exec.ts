/** Runs programs; the sole importer of cross-spawn. */
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import spawn from "cross-spawn";
import type { Exec, ExecOutcome, ExecRequest, Started } from "../ports";
import { reasonOf } from "../text/reason";
import type { Host } from "./host";

/** For the files beside this one: the package has one importer. */
export const spawnChild = spawn;

/** How long output may still come after the program itself has ended (ms): a child of it may hold the pipes. */
const DRAIN_MS = 200;
/** How long a killed program may take to be gone (ms). */
const KILL_MS = 2000;
const NOT_STARTED: ExecOutcome = {
  exitCode: null,
  signal: null,
  stdout: new Uint8Array(),
  stderr: "",
  timedOut: false,
  overflow: false,
  spawnError: undefined,
};

/** Programs that this process runs at the moment, but for those that wait for their stdin. */
const running = new Set<Promise<ExecOutcome>>();
/** Programs that wait for their stdin. */
const waiting = new Set<Begun>();
/** Out of file descriptors, in the process and on the machine: each program takes several for its pipes. */
const NO_DESCRIPTORS: readonly (string | undefined)[] = ["EMFILE", "ENFILE"];

/** The real thing. Every program gets its own process group, so that its children die with it. */
export function createExec(): Exec {
  return { run, start: startEarly };
}

/** What is to be started: an absolute path, and arguments. */
type Program = Pick<ExecRequest, "path" | "args">;

/**
 * The program, so that it dies with us, even when we are killed (prctl(2) PR_SET_PDEATHSIG); as it is where the
 * node has no setpriv.
 */
export function tied(host: Pick<Host, "find">, { path, args }: Program): Program {
  const setpriv = host.find("setpriv");
  return setpriv === undefined
    ? { path, args }
    : { path: setpriv, args: ["--pdeathsig", "KILL", path, ...args] };
}

/** Programs that die with us: for changes that nobody would recognise as ours afterwards. */
export function createTiedExec(exec: Exec, host: Host): Exec {
  return { run: (request) => exec.run({ ...request, ...tied(host, request) }) };
}

/** Runs programs one after the other where there are too few descriptors to run them side by side. */
async function run(request: ExecRequest): Promise<ExecOutcome> {
  for (;;) {
    const outcome = await runOnce(request);
    if (!NO_DESCRIPTORS.includes(outcome.spawnError)) return outcome;
    // One that waits for its stdin may wait for us: it gives way, and is started anew when its turn comes.
    const others = waiting.size > 0 ? [...waiting].map(giveWay) : [...running];
    if (others.length === 0) return outcome;
    await Promise.race(others);
    // The pipes close a moment after the program has ended.
    await new Promise(setImmediate);
  }
}

async function runOnce(request: ExecRequest): Promise<ExecOutcome> {
  const program = begin(request);
  running.add(program.outcome);
  try {
    program.feed(request.stdin);
    return await program.outcome;
  } finally {
    running.delete(program.outcome);
  }
}

function startEarly(request: Unfed): Started {
  const program = begin(request);
  waiting.add(program);
  return {
    finish: async (stdin) => {
      if (!waiting.delete(program)) return run({ ...request, stdin });
      running.add(program.outcome);
      program.feed(stdin);
      const outcome = await program.outcome;
      running.delete(program.outcome);
      return NO_DESCRIPTORS.includes(outcome.spawnError) ? run({ ...request, stdin }) : outcome;
    },
    abandon: () => void (waiting.has(program) && giveWay(program)),
  };
}

function giveWay(program: Begun): Promise<ExecOutcome> {
  waiting.delete(program);
  program.kill();
  return program.outcome;
}

type Unfed = Omit<ExecRequest, "stdin">;

/** A program under way: `feed` gives it its stdin, from when its time counts. */
interface Begun {
  readonly outcome: Promise<ExecOutcome>;
  readonly feed: (stdin: string | Uint8Array) => void;
  readonly kill: () => void;
}

function begin(request: Unfed): Begun {
  let controls: Omit<Begun, "outcome"> = { feed: () => {}, kill: () => {} };
  const outcome = new Promise<ExecOutcome>((resolve) => {
    controls = spawnOne(request, resolve) ?? controls;
  });
  return { outcome, ...controls };
}

/** Both ends of three pipes, and of the one by which libuv learns whether the program could be executed. */
const DESCRIPTORS = 8;

/**
 * The errno when there are too few file descriptors to start a program. Checked first: a spawn that runs
 * out of them half-way leaks those that it had (Node.js 24), and then not even a rollback can run.
 */
export function descriptorShortage(): string | undefined {
  const open: number[] = [];
  try {
    while (open.length < DESCRIPTORS) open.push(openSync("/dev/null", "r"));
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return NO_DESCRIPTORS.includes(code) ? code : undefined;
  } finally {
    for (const fd of open) closeSync(fd);
  }
}

/** undefined: it could not be started, and has been resolved. */
function spawnOne(
  request: Unfed,
  resolve: (outcome: ExecOutcome) => void,
): Omit<Begun, "outcome"> | undefined {
  const shortage = descriptorShortage();
  if (shortage !== undefined) {
    resolve({ ...NOT_STARTED, spawnError: shortage });
    return undefined;
  }
  let child: ChildProcess;
  try {
    child = spawn(request.path, [...request.args], {
      env: { ...request.env },
      stdio: "pipe",
      detached: true,
      cwd: "/",
    });
  } catch (error) {
    // ETXTBSY, E2BIG, ENOMEM and a NUL byte in an argument are thrown; ENOENT and EACCES are emitted.
    resolve({ ...NOT_STARTED, spawnError: reasonOf(error) });
    return undefined;
  }
  return watch(child, request, resolve);
}

function watch(
  child: ChildProcess,
  request: Unfed,
  resolve: (outcome: ExecOutcome) => void,
): Omit<Begun, "outcome"> {
  const stdout = new Collector(request.maxStdout);
  const stderr = new Collector(request.maxStderr);
  let timedOut = false;
  let ended = false;
  let deadline: NodeJS.Timeout | undefined;
  let drain: NodeJS.Timeout | undefined;
  const kill = (): void => {
    // Its number may be another's by now.
    if (ended) return;
    killGroup(child);
    // In an uninterruptible sleep a program outlives even SIGKILL. We do not wait for it.
    drain ??= setTimeout(() => finish(null, "SIGKILL"), KILL_MS);
  };
  const finish = (exitCode: number | null, signal: string | null, spawnError?: string): void => {
    ended = true;
    clearTimeout(deadline);
    clearTimeout(drain);
    // Without file descriptors the child has no stdio at all, whatever its type says.
    for (const pipe of (child.stdio as ChildProcess["stdio"] | undefined) ?? []) pipe?.destroy();
    // Later calls change nothing: a promise resolves once.
    resolve({
      exitCode,
      signal,
      stdout: stdout.bytes(),
      stderr: stderr.text(),
      timedOut,
      overflow: stdout.overflow,
      spawnError,
    });
  };
  child.on("error", (error) => finish(null, null, reasonOf(error)));
  child.on("close", (code, signal) => finish(code, signal));
  child.on("exit", (code, signal) => {
    clearTimeout(deadline);
    clearTimeout(drain);
    // One more look at the pipes after the time is up: on a busy node this process may have been stopped
    // for all of it, and what the program printed before its end is still unread.
    drain = setTimeout(() => setImmediate(() => finish(code, signal)), DRAIN_MS);
  });
  collect(child, request, { stdout, stderr, kill });
  const feed = (stdin: string | Uint8Array): void => {
    if (ended) return;
    deadline = setTimeout(() => {
      timedOut = true;
      kill();
    }, request.timeoutMs);
    child.stdin?.end(stdin);
  };
  return { feed, kill };
}

function collect(
  child: ChildProcess,
  { onStderr }: Unfed,
  { stdout, stderr, kill }: { stdout: Collector; stderr: Collector; kill: () => void },
): void {
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout.add(chunk);
    if (stdout.overflow) kill();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr.add(chunk);
    onStderr?.(stderr.text());
  });
  // A program may ignore its stdin (EPIPE).
  child.stdin?.on("error", () => {});
}

/** What a program says, up to a limit. */
export class Collector {
  private readonly chunks: Buffer[] = [];
  private size = 0;
  overflow = false;

  constructor(private readonly limit: number) {}

  add(chunk: Buffer): void {
    const room = this.limit - this.size;
    if (chunk.byteLength > room) this.overflow = true;
    if (room <= 0) return;
    this.chunks.push(chunk.subarray(0, room));
    this.size += Math.min(room, chunk.byteLength);
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.chunks);
  }

  text(): string {
    return Buffer.concat(this.chunks).toString("utf8");
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // gone already
  }
}
