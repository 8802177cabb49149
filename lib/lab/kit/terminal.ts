/** The person at the terminal: Ctrl-C and the like, and Enter. */
import { once } from "node:events";
import { openSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { ReadStream } from "node:tty";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Interrupt {
  /** Aborted by the first of the signals; later ones change nothing, so that the removal is not cut short. */
  readonly signal: AbortSignal;
  /** The exit status that says so (128 + the signal's number); undefined when there was none. */
  status(): number | undefined;
  /** Gives the signals back their usual effect. */
  release(): void;
}

/** Catches the signals of this process until `release`. */
export function catchInterrupts(): Interrupt {
  const controller = new AbortController();
  let status: number | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    status ??= 128 + constants.signals[name];
    controller.abort(new Error(`stopped by ${name}`));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    status: () => status,
    release: () => SIGNALS.forEach((name) => process.off(name, onSignal)),
  };
}

/**
 * Asks for Enter at the terminal, wherever stdin and stdout lead, and waits for it. Returns at once
 * where there is no terminal; throws the signal's reason when that comes first.
 */
export async function waitForEnter(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const terminal = openTerminal();
  if (terminal === undefined) return;
  try {
    await Promise.race([once(terminal, "data", { signal }), once(terminal, "end", { signal })]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    terminal.destroy();
  }
}

function openTerminal(): ReadStream | undefined {
  try {
    const fd = openSync("/dev/tty", "r+");
    writeSync(fd, "   (Enter)");
    return new ReadStream(fd);
  } catch {
    return undefined;
  }
}
