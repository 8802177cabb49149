/** Runs the programs that a lab is made with. */
import { systemClock } from "../../node/clock";
import { CniError } from "../../cni/error";
import { createExec } from "../../node/exec";
import type { ExecOutcome } from "../../ports";
import { PROGRAM_ENVIRONMENT, localHost } from "../../node/host";
import { packageOf } from "./needs";

const MAX_OUTPUT = 16 * 1024 * 1024;
/** How long one command may take (ms) unless it says otherwise. */
const TIMEOUT_MS = 30_000;
const POLL_MS = 50;
/** Exit status of a command that was killed at its time limit, as of timeout(1). */
export const STATUS_TIMEOUT = 124;

export interface Ran {
  readonly status: number;
  /** stdout and then stderr, trimmed at the end. */
  readonly output: string;
  readonly stdout: string;
  readonly ms: number;
}

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly stdin?: string;
  /** Added to a fixed environment (PATH, LC_ALL=C). */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Shell {
  /** Runs a program of this machine. Throws only when the lab was interrupted, or the program is not installed. */
  run(command: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Its stdout. Throws CniError `io` with its output when it fails: for commands whose failure the lab does not show. */
  must(command: readonly string[], options?: RunOptions): Promise<string>;
  sleep(ms: number): Promise<void>;
  /** Waits until the condition holds; false when it does not within `timeoutMs`. */
  until(condition: () => Promise<boolean> | boolean, timeoutMs: number): Promise<boolean>;
}

/** With a signal, everything throws its reason from the abort on. */
export function createShell(signal?: AbortSignal): Shell {
  const exec = createExec();
  const run = async (command: readonly string[], options: RunOptions = {}): Promise<Ran> => {
    signal?.throwIfAborted();
    const { timeoutMs = TIMEOUT_MS, stdin = "", env = {} } = options;
    const started = systemClock.elapsed();
    const request = {
      path: pathOf(command[0] ?? ""),
      args: command.slice(1),
      stdin,
      timeoutMs,
      maxStdout: MAX_OUTPUT,
      maxStderr: MAX_OUTPUT,
    };
    const outcome = await exec.run({
      ...request,
      env: { ...PROGRAM_ENVIRONMENT, ...env },
    });
    signal?.throwIfAborted();
    return { ...textOf(outcome, timeoutMs), ms: Math.round(systemClock.elapsed() - started) };
  };
  const sleep = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= POLL_MS) {
      signal?.throwIfAborted();
      await systemClock.sleep(Math.min(left, POLL_MS));
    }
  };
  return {
    run,
    must: async (command, options) => {
      const { status, output, stdout } = await run(command, options);
      if (status === 0) return stdout;
      throw new CniError(
        "io",
        `the lab could not be built: ${command.join(" ")}: status ${status}: ${output}`,
      );
    },
    sleep,
    until: async (condition, timeoutMs) => {
      const deadline = systemClock.elapsed() + timeoutMs;
      while (!(await condition())) {
        if (systemClock.elapsed() > deadline) return false;
        await sleep(POLL_MS);
      }
      return true;
    },
  };
}

function textOf(outcome: ExecOutcome, timeoutMs: number): Omit<Ran, "ms"> {
  const stdout = new TextDecoder().decode(outcome.stdout);
  const failure = outcome.timedOut ? `no end within ${timeoutMs} ms` : (outcome.spawnError ?? "");
  const output = [stdout, outcome.stderr, failure]
    .map((text) => text.trimEnd())
    .filter((text) => text !== "")
    .join("\n");
  return { stdout, output, status: outcome.timedOut ? STATUS_TIMEOUT : (outcome.exitCode ?? 255) };
}

function pathOf(program: string): string {
  const path = program.includes("/") ? program : localHost.find(program);
  if (path !== undefined) return path;
  throw new CniError(
    "io",
    `the program ${program} is missing: install the package ${packageOf(program)}`,
  );
}
