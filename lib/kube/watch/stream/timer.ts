/** Calls `run` once after `ms` milliseconds; the returned function cancels that. */
export type After = (ms: number, run: () => void) => () => void;

/** The machine's timer. */
export const systemAfter: After = (ms, run) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};

/** Waits `ms` milliseconds, or until `signal` aborts. Leaves no timer behind. Never rejects. */
export function pause(after: After, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = after(ms, end);
    signal.addEventListener("abort", end);
  });
}
