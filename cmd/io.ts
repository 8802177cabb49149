/** The process's edges as a value, so that everything above main can run in a test. */
import { existsSync, fstatSync, readlinkSync, readSync, writeSync } from "node:fs";
import { MAX_INPUT_BYTES } from "../lib/cni/json";
import { printable } from "../lib/text/printable";

export interface Io {
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** All of stdin, at most one byte more than MAX_INPUT_BYTES. */
  readonly readStdin: () => Uint8Array;
  /** The file that stdin was redirected from; undefined: it is none. */
  readonly stdinFile: () => string | undefined;
  /** Throws when the reader is gone. */
  readonly stdout: (text: string) => void;
  /** stdout that passes escapes on even where `stdout` does not: for text that is printable but for the colours put into it. */
  readonly coloured: (text: string) => void;
  /** Never throws. */
  readonly stderr: (text: string) => void;
}

/** The real process. */
export function processIo(): Io {
  return {
    env: process.env as Record<string, string>,
    args: process.argv.slice(2),
    readStdin,
    stdinFile,
    stdout: (text) => writeAll(1, text),
    coloured: (text) => writeAll(1, text),
    stderr: (text) => {
      try {
        writeAll(2, text);
      } catch {
        // Nobody is left to tell.
      }
    },
  };
}

/** For a command line: foreign names, labels and errors reach people escaped, whoever prints them. */
export function printableIo(io: Io): Io {
  return {
    ...io,
    stdout: (text) => io.stdout(printable(text)),
    stderr: (text) => io.stderr(printable(text)),
  };
}

function readStdin(): Uint8Array {
  const chunks: Buffer[] = [];
  let total = 0;
  while (total <= MAX_INPUT_BYTES) {
    const chunk = Buffer.allocUnsafe(64 * 1024);
    const n = retry(() => readOrEnd(chunk));
    if (n === 0) break;
    chunks.push(chunk.subarray(0, n));
    total += n;
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

function stdinFile(): string | undefined {
  try {
    const path = readlinkSync("/proc/self/fd/0");
    return fstatSync(0).isFile() && existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

// A closed stdin reads as an empty one: the message is then about the missing configuration.
function readOrEnd(chunk: Buffer): number {
  try {
    return readSync(0, chunk);
  } catch (error) {
    if (["EOF", "EBADF"].includes((error as NodeJS.ErrnoException).code ?? "")) return 0;
    throw error;
  }
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += retry(() => writeSync(fd, bytes, at));
}

/** A pipe that its other end made non-blocking answers EAGAIN; synchronous I/O then has to wait itself. */
function retry(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}
