/** Runs programs; the sole importer of cross-spawn. */
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import spawn from "cross-spawn";
import type { Socket } from "node:net";
import type {
  Exec,
  ExecOutcome,
  ExecRequest,
  Stream,
  StartStream,
  StartTalk,
  Talk,
} from "../ports";
import { reasonOf } from "../text/reason";

/** How long output may still come after the program itself has ended (ms): a child of it may hold the pipes. */
const DRAIN_MS = 200;
/** How long a killed program may take to be gone (ms). */
const KILL_MS = 2000;
/** Bytes kept of what a stream says on stderr. */
const LAST_WORDS = 4096;
const NOT_STARTED: ExecOutcome = {
  exitCode: null,
  signal: null,
  stdout: new Uint8Array(),
  stderr: "",
  timedOut: false,
  overflow: false,
  spawnError: undefined,
};

/** Programs that this process runs at the moment. */
const running = new Set<Promise<ExecOutcome>>();
/** Out of file descriptors, in the process and on the machine: each program takes several for its pipes. */
const NO_DESCRIPTORS: readonly (string | undefined)[] = ["EMFILE", "ENFILE"];

/** The real thing. Every program gets its own process group, so that its children die with it. */
export function createExec(): Exec {
  return { run };
}

/** Runs programs one after the other where there are too few descriptors to run them side by side. */
async function run(request: ExecRequest): Promise<ExecOutcome> {
  for (;;) {
    const outcome = await runOnce(request);
    const others = [...running];
    if (!NO_DESCRIPTORS.includes(outcome.spawnError) || others.length === 0) return outcome;
    await Promise.race(others);
    // The pipes close a moment after the program has ended.
    await new Promise(setImmediate);
  }
}

async function runOnce(request: ExecRequest): Promise<ExecOutcome> {
  const outcome = new Promise<ExecOutcome>((resolve) => start(request, resolve));
  running.add(outcome);
  try {
    return await outcome;
  } finally {
    running.delete(outcome);
  }
}

/** Both ends of three pipes, and of the one by which libuv learns whether the program could be executed. */
const DESCRIPTORS = 8;

/**
 * The errno when there are too few file descriptors to start a program. Checked first: a spawn that runs
 * out of them half-way leaks those that it had (Node.js 24), and then not even a rollback can run.
 */
function descriptorShortage(): string | undefined {
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

function start(request: ExecRequest, resolve: (outcome: ExecOutcome) => void): void {
  const shortage = descriptorShortage();
  if (shortage !== undefined) return resolve({ ...NOT_STARTED, spawnError: shortage });
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
    return;
  }
  watch(child, request, resolve);
}

function watch(
  child: ChildProcess,
  request: ExecRequest,
  resolve: (outcome: ExecOutcome) => void,
): void {
  const stdout = new Collector(request.maxStdout);
  const stderr = new Collector(request.maxStderr);
  let timedOut = false;
  let drain: NodeJS.Timeout | undefined;
  const kill = (): void => {
    killGroup(child);
    // In an uninterruptible sleep a program outlives even SIGKILL. We do not wait for it.
    drain ??= setTimeout(() => finish(null, "SIGKILL"), KILL_MS);
  };
  const deadline = setTimeout(() => {
    timedOut = true;
    kill();
  }, request.timeoutMs);
  const finish = (exitCode: number | null, signal: string | null, spawnError?: string): void => {
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
  child.on("exit", (code, signal) => {
    clearTimeout(deadline);
    clearTimeout(drain);
    // One more look at the pipes after the time is up: on a busy node this process may have been stopped
    // for all of it, and what the program printed before its end is still unread.
    drain = setTimeout(() => setImmediate(() => finish(code, signal)), DRAIN_MS);
  });
  child.on("close", (code, signal) => finish(code, signal));
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout.add(chunk);
    if (stdout.overflow) kill();
  });
  child.stderr?.on("data", (chunk: Buffer) => stderr.add(chunk));
  // A program may ignore its stdin (EPIPE).
  child.stdin?.on("error", () => {});
  child.stdin?.end(request.stdin);
}

/** Starts a long-running program in our own process group, so that a terminal's Ctrl-C reaches it too. */
export const startStream: StartStream = ({ path, args, env }, onOutput) => {
  let child: ChildProcess;
  try {
    child = spawn(path, [...args], {
      env: { ...env },
      stdio: ["ignore", "pipe", "pipe"],
      cwd: "/",
    });
  } catch (error) {
    return {
      ended: Promise.resolve(reasonOf(error)),
      stop: () => {},
    };
  }
  return follow(child, onOutput);
};

function follow(child: ChildProcess, onOutput: () => void): Stream {
  const stderr = new Collector(LAST_WORDS);
  child.stdout?.on("data", onOutput);
  child.stderr?.on("data", (chunk: Buffer) => stderr.add(chunk));
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(reasonOf(error)));
    child.on("close", (code, signal) =>
      resolve(endOf(signal ?? `exit status ${code ?? "unknown"}`, stderr.text())),
    );
  });
  return { ended, stop: () => void child.kill("SIGKILL") };
}

/** Starts a program that answers on its stdout what is written to its stdin; its stderr is not read. */
export const startTalk: StartTalk = ({ path, args, env }, onOutput) => {
  let child: ChildProcess;
  try {
    child = spawn(path, [...args], {
      env: { ...env },
      stdio: ["pipe", "pipe", "ignore"],
      cwd: "/",
    });
  } catch (error) {
    const ended = Promise.resolve(reasonOf(error));
    return { write: () => {}, idle: () => {}, ended, stop: () => {} };
  }
  return talkTo(child, onOutput);
};

function talkTo(child: ChildProcess, onOutput: (text: string) => void): Talk {
  const pipes = [child.stdin, child.stdout] as readonly (Socket | null | undefined)[];
  const idle = (): void => {
    child.unref();
    for (const pipe of pipes) pipe?.unref();
  };
  const decoder = new TextDecoder();
  child.stdout?.on("data", (chunk: Buffer) => onOutput(decoder.decode(chunk, { stream: true })));
  // It may have ended (EPIPE); `ended` says so.
  child.stdin?.on("error", () => {});
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(reasonOf(error)));
    child.on("close", (code, signal) => resolve(signal ?? `exit status ${code ?? "unknown"}`));
  });
  idle();
  return {
    write: (text) => {
      child.ref();
      for (const pipe of pipes) pipe?.ref();
      child.stdin?.write(text);
    },
    idle,
    ended,
    stop: () => {
      child.stdin?.destroy();
      child.kill("SIGKILL");
    },
  };
}

// A program may have complained about something else long before it ended, and many times over.
function endOf(ending: string, stderr: string): string {
  const lines = new Set(stderr.split("\n").map((line) => line.trim()));
  return [ending, ...lines].filter((text) => text !== "").join("; ");
}

class Collector {
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
