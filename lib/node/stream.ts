/** Programs that run on until they are stopped: those that report, and those that are talked to. */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import type { Stream, StartStream, StartTalk, Talk } from "../ports";
import { reasonOf } from "../text/reason";
import { Collector, spawnChild } from "./exec";

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

/** Starts a program that answers on its stdout what is written to its stdin; its stderr is not read. */
export const startTalk: StartTalk = ({ path, args, env }, onOutput) => {
  let child: ChildProcess;
  try {
    child = spawnChild(path, [...args], {
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
