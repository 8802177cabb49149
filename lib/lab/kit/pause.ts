/** Waiting for the person who shows a lab. */
import { once } from "node:events";
import { openSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";

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
