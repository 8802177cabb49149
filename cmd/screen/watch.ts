/** A report that stays on the screen. */
import { hasColours } from "./colours";
import type { Io } from "../io";

/** To the top left, and everything below goes (ECMA-48). */
const CLEAR = "\u001b[H\u001b[2J";

/** Looks, and returns what prints what was seen; that returns the exit status. */
export type Frame = () => Promise<() => number>;

/**
 * Shows frames until SIGINT or SIGTERM, with `pauseMs` between two of them; returns the last exit status. The
 * screen is cleared when the next frame is there, so that it is never empty.
 */
export async function keepShowing(io: Io, pauseMs: number, frame: Frame): Promise<number> {
  let wake = (): void => {};
  let isOver = false;
  const end = (): void => {
    isOver = true;
    wake();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, end);
  for (;;) {
    const print = await frame();
    if (hasColours()) io.coloured(CLEAR);
    const status = print();
    if (isOver) return status;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (isOver) return status;
  }
}
