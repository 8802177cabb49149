/** First pause after a failure; doubled each time. */
const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/** Milliseconds to wait after `failures` failures in a row; half of it is left to chance, so that nodes spread. */
export function backoffMs(failures: number, random: () => number): number {
  const full = Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 16), LONGEST_MS);
  return full * (0.5 + random() / 2);
}

/** `ms` give or take a fifth. */
export function jittered(ms: number, random: () => number): number {
  return ms * (0.8 + 0.4 * random());
}
