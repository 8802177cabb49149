/** A report that stays on the screen. */
import { hasColours } from "./colours";
import type { Io } from "../io";

/** Between the end of one look and the next (ms). */
const PAUSE_MS = 2000;
/** To the top left, and everything below goes (ECMA-48). */
const CLEAR = "\u001b[H\u001b[2J";

/** Calls `show` again and again until SIGINT or SIGTERM; returns its last exit status. */
export async function keepShowing(io: Io, show: () => Promise<number>): Promise<number> {
  let wake = (): void => {};
  let isOver = false;
  const end = (): void => {
    isOver = true;
    wake();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  for (;;) {
    if (hasColours()) io.coloured(CLEAR);
    const status = await show();
    if (isOver) return status;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PAUSE_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (isOver) return status;
  }
}
