/** Programs that run on until they are stopped: those that report, and those that are talked to. */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import type { Clock, Stream, StartStream, StartTalk, Talk } from "../ports";
import { reasonOf } from "../text/reason";
import { Collector, descriptorShortage, spawnChild, tied } from "./exec";
import { PROGRAM_ENVIRONMENT, type Host } from "./host";

/** Bytes kept of what a stream says on stderr. */
const LAST_WORDS = 4096;

/** Starts a long-running program in our own process group, so that a terminal's Ctrl-C reaches it too. */
export const startStream: StartStream = ({ path, args, env }, onOutput) => {
  let child: ChildProcess;
  try {
    child = spawnChild(path, [...args], {
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

function follow(child: ChildProcess, onOutput: (piece: Uint8Array) => void): Stream {
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

/** Between the end of a kept stream and the start of the next (ms). */
export const RESTART_MS = 2000;

/** A program whose output is followed for as long as we run. */
export interface KeptProgram {
  readonly name: string;
  /** What brings it. */
  readonly package: string;
  readonly args: readonly string[];
}

export interface KeptOptions {
  readonly start: StartStream;
  readonly host: Pick<Host, "find">;
  readonly clock: Pick<Clock, "sleep">;
  readonly onOutput: (piece: Uint8Array) => void;
  /** It was started, or could not be: then the stream has ended. */
  readonly onStart?: (stream: Stream) => void;
  /** It ended by itself and is started again; what happens in between goes unseen. */
  readonly onExit: (why: string) => void;
  /** It is about to be started again. */
  readonly onAgain: () => void;
}

/** Starts the program, tied to our life, and starts it again whenever it ends, until `stop` is called. */
export function keepStream(program: KeptProgram, options: KeptOptions): { stop(): void } {
  let stopped = false;
  let stream: Stream | undefined;
  const run = async (): Promise<void> => {
    while (!stopped) {
      stream = open(program, options);
      options.onStart?.(stream);
      const why = await stream.ended;
      if (stopped) return;
      options.onExit(why);
      await options.clock.sleep(RESTART_MS);
      options.onAgain();
    }
  };
  void run();
  return {
    stop: () => {
      stopped = true;
      stream?.stop();
    },
  };
}

function open(program: KeptProgram, { start, host, onOutput }: KeptOptions): Stream {
  const path = host.find(program.name);
  if (path === undefined) {
    const why = `the program ${program.name} is missing: install the package ${program.package}`;
    return { ended: Promise.resolve(why), stop: () => {} };
  }
  // Without setpriv it ends at its next line (EPIPE).
  const { args } = program;
  return start({ ...tied(host, { path, args }), env: PROGRAM_ENVIRONMENT }, onOutput);
}

/** Starts a program that answers on its stdout what is written to its stdin; its stderr is not read. */
export const startTalk: StartTalk = ({ path, args, env }, onOutput) => {
  const unstarted = (why: string): Talk => {
    return { write: () => {}, idle: () => {}, ended: Promise.resolve(why), stop: () => {} };
  };
  const shortage = descriptorShortage();
  if (shortage !== undefined) return unstarted(shortage);
  let child: ChildProcess;
  try {
    child = spawnChild(path, [...args], {
      env: { ...env },
      stdio: ["pipe", "pipe", "ignore"],
      cwd: "/",
    });
  } catch (error) {
    return unstarted(reasonOf(error));
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
