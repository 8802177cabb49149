/** nft, one transaction at a time: by a child that stays, or by a process for each. */
import { CniError, RulesUntouched } from "../../cni/error";
import { tied } from "../../node/exec";
import { DIRECTORIES, type Host, PROGRAM_ENVIRONMENT } from "../../node/host";
import type { Exec, StartTalk, Talk } from "../../ports";
import { UNWATCHED, type OwnChanges } from "../own-changes";
import { NOTHING_KNOWN, type Known } from "./known";

/** What nft answered to one transaction. */
export interface NftAnswer {
  readonly ok: boolean;
  readonly stdout: string;
  /** Its complaint, on one line. */
  readonly said: string;
}

export interface NftRunner {
  /** True when nft is installed. */
  has(): boolean;
  /** One transaction, or one listing. Throws CniError `rules`, or `tryAgainLater` for an nft that hangs. */
  run(commands: readonly string[]): Promise<NftAnswer>;
  /** Asks the kernel whether it would do that; nothing changes. Same errors. */
  check(commands: readonly string[]): Promise<NftAnswer>;
  /** Starts what run() will need, so that it costs no time later. Never fails. */
  warmUp(): void;
  /** Ends the child that stays. It is started again when it is needed. */
  stop(): void;
  /** What is known of the tables that it changes. */
  readonly known: Known;
}

export interface NftOptions {
  readonly exec: Exec;
  readonly host: Host;
  readonly startTalk: StartTalk;
  readonly timeoutMs: number;
  /** Goes into the environment of a process that could outlive us. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Left out, nothing is known of the tables. */
  readonly known?: Known;
  /** Is told what is removed. */
  readonly own?: OwnChanges;
}

/** Fails in the parser, before anything is done: what comes before it is the answer. */
const END = "add @end";
const END_SAID = /(?:^|\n)Error: syntax error[^\n]*\n(?:nft> )*add @end\n\s*\^+\n?/;
const COMPLAINT = /^(?:\S+: ?)?Error: |^Operation not permitted/m;
/** nft remembers its lines, as a shell does: after this many it is replaced (1 KB each). */
const MOST_REQUESTS = 2000;
/** A child reads its line byte by byte; more than this (bytes) a process of its own reads faster. */
const LONGEST_LINE = 8192;
const MAX_OUTPUT = 64 * 1024 * 1024;
const MAX_SAID = 600;
// It would write its history there.
const NO_HOME = { HOME: "/dev/null" } as const;

/**
 * Runs nft in a child that stays for as long as this process, where setpriv can tie its life to ours; else, and
 * for what is long, a process for each transaction (decision 0072).
 */
export function createNftRunner(options: NftOptions): NftRunner {
  const { host, known = NOTHING_KNOWN, own = UNWATCHED } = options;
  const spawned = createSpawned(options);
  const resident = host.find("setpriv") === undefined ? undefined : createResident(options);
  let refused = false;
  const run = async (commands: readonly string[]): Promise<NftAnswer> => {
    if (resident === undefined || refused || isLong(commands)) return spawned.run(commands);
    const answer = await resident.run(commands);
    if (answer !== undefined) return answer;
    refused = true;
    return spawned.run(commands);
  };
  return {
    known,
    has: () => host.find("nft") !== undefined,
    run: (commands) => telling(own, commands, run),
    check: (commands) => spawned.run(commands, ["-c"]),
    warmUp: () => {
      if (!refused) resident?.warmUp();
    },
    stop: () => resident?.stop(),
  };
}

/** With what is removed told before, and afterwards whether it was. */
async function telling(
  own: OwnChanges,
  commands: readonly string[],
  run: (commands: readonly string[]) => Promise<NftAnswer>,
): Promise<NftAnswer> {
  const tell = own.expect(commands.filter((command) => command.startsWith("delete element ")));
  try {
    const answer = await run(commands);
    tell(answer.ok);
    return answer;
  } catch (error) {
    // It may have been done before nft hung or ended.
    tell(true);
    throw error;
  }
}

function isLong(commands: readonly string[]): boolean {
  return commands.reduce((sum, { length }) => sum + length, 0) > LONGEST_LINE;
}

function createSpawned({ exec, host, timeoutMs, environment = {} }: NftOptions): {
  run(commands: readonly string[], flags?: readonly string[]): Promise<NftAnswer>;
} {
  return {
    run: async (commands, flags = []) => {
      const outcome = await exec.run({
        path: pathOf(host),
        args: [...flags, "-f", "-"],
        env: { ...environment, ...PROGRAM_ENVIRONMENT },
        stdin: `${commands.join("\n")}\n`,
        timeoutMs,
        maxStdout: MAX_OUTPUT,
        maxStderr: 16 * 1024,
      });
      if (outcome.timedOut) throw late(timeoutMs);
      if (outcome.spawnError !== undefined || outcome.overflow)
        throw new CniError("rules", `nft failed: ${outcome.spawnError ?? "too much output"}`);
      const ok = outcome.exitCode === 0;
      return {
        ok,
        stdout: new TextDecoder().decode(outcome.stdout),
        said: ok ? "" : oneLine(outcome.stderr),
      };
    },
  };
}

/** A child, and what it has printed of the answer that is awaited. */
interface Child {
  readonly talk: Talk;
  requests: number;
  /** It has answered at least once. */
  proven: boolean;
  output: string;
  wake: () => void;
  over: string | undefined;
}

/** undefined as an answer: this nft cannot be used so. */
function createResident({ host, startTalk, timeoutMs }: NftOptions): {
  run(commands: readonly string[]): Promise<NftAnswer | undefined>;
  warmUp(): void;
  stop(): void;
} {
  let child: Child | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const end = (): void => {
    child?.talk.stop();
    child = undefined;
  };
  const present = (): Child => {
    if (child !== undefined && (child.over !== undefined || child.requests >= MOST_REQUESTS)) end();
    return (child ??= startChild(host, startTalk));
  };
  const ask = async (commands: readonly string[]): Promise<NftAnswer | undefined> => {
    const { proven } = child ?? { proven: false };
    const answer = await askChild(present(), commands, timeoutMs);
    if (typeof answer !== "string") return answer;
    end();
    if (answer === "late") throw late(timeoutMs);
    // Built without a command line it ends at once: nothing was done.
    if (!proven && /interactive|not supported/i.test(answer)) return undefined;
    throw new CniError(
      "rules",
      `nft ended before it had answered (${answer}): see what it logged, then try again`,
    );
  };
  return {
    run: (commands) => {
      const answer = last.then(() => ask(commands));
      last = answer.catch(() => undefined);
      return answer;
    },
    warmUp: () => {
      // Never a new one in place of one that is there: that one may be in the middle of an answer.
      if (child === undefined && host.find("nft") !== undefined) present();
    },
    stop: end,
  };
}

function startChild(host: Host, startTalk: StartTalk): Child {
  const child: Omit<Child, "talk"> & { talk?: Talk } = {
    requests: 0,
    proven: false,
    output: "",
    wake: () => {},
    over: undefined,
  };
  const nft = tied(host, { path: pathOf(host), args: ["-i"] });
  const talk = startTalk(
    {
      // One stream for answers and complaints, so that they keep their order.
      path: "/bin/sh",
      args: ["-c", 'exec "$@" 2>&1', "sh", nft.path, ...nft.args],
      env: { ...PROGRAM_ENVIRONMENT, ...NO_HOME },
    },
    (text) => {
      child.output += text;
      child.wake();
    },
  );
  void talk.ended.then((why) => {
    child.over = why;
    child.wake();
  });
  return Object.assign(child, { talk });
}

/** The answer; a text when there is none: "late", or why the child ended. */
async function askChild(
  child: Child,
  commands: readonly string[],
  timeoutMs: number,
): Promise<NftAnswer | string> {
  child.requests++;
  child.output = "";
  child.talk.write(`${commands.join("; ")}\n${END}\n`);
  return new Promise((resolve) => {
    const deadline = setTimeout(() => done("late"), timeoutMs);
    const done = (answer: NftAnswer | string): void => {
      clearTimeout(deadline);
      child.wake = () => {};
      child.talk.idle();
      resolve(answer);
    };
    child.wake = () => {
      const at =
        child.output.endsWith("\n") || child.over !== undefined
          ? child.output.search(END_SAID)
          : -1;
      if (at >= 0) {
        child.proven = true;
        done(toAnswer(child.output.slice(0, at)));
      } else if (child.over !== undefined) done(`${child.over}; ${oneLine(child.output)}`);
      else if (child.output.length > MAX_OUTPUT) done("too much output");
    };
    child.wake();
  });
}

function toAnswer(text: string): NftAnswer {
  return COMPLAINT.test(text)
    ? { ok: false, stdout: "", said: oneLine(text) }
    : { ok: true, stdout: text, said: "" };
}

function pathOf(host: Host): string {
  const path = host.find("nft");
  if (path === undefined) throw missingNft("install the package nftables");
  return path;
}

/** For callers that need it: nothing was changed. */
export function missingNft(remedy: string): RulesUntouched {
  return new RulesUntouched(
    "rules",
    `nft is not installed in ${DIRECTORIES.join(", ")}: ${remedy}`,
    { missingPackage: "nftables" },
  );
}

function late(timeoutMs: number): CniError {
  return new CniError(
    "tryAgainLater",
    `nft did not answer within ${timeoutMs} ms and was killed: look for what keeps nf_tables busy`,
  );
}

// The first line says what is wrong; nft repeats the command after it, which may be very long.
function oneLine(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !/^\s*\^+\s*$/.test(line));
  return lines
    .join(" | ")
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(0, MAX_SAID);
}
