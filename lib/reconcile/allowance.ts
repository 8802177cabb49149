/** How much of the time looks may take: all of it for a moment, a fifth of it in the long run. */

/** One part in so many of the time, when something wakes us again and again. */
const SHARE = 5;
/** Looks that follow each other at once, after a time of rest (ms). */
const MOST_MS = 2000;

export interface Allowance {
  /** A look has ended and has taken so long; both in milliseconds of one clock. */
  spent(now: number, ms: number): void;
  /** How long the next look has to wait (ms). */
  waitMs(now: number): number;
}

/** A full one: what is undone once is put right at once, also where looks are long. */
export function createAllowance(): Allowance {
  let left = MOST_MS;
  let at = 0;
  const leftAt = (now: number): number => Math.min(MOST_MS, left + (now - at) / SHARE);
  return {
    spent: (now, ms) => {
      // What came back during the look counts too: a look of 1 s costs 0.8 s.
      left = leftAt(now) - ms;
      at = now;
    },
    waitMs: (now) => Math.max(0, -leftAt(now) * SHARE),
  };
}
