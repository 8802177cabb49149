/** What wakes the reconciler. */

export interface Bell {
  /** Ends the present wait, or the next one. */
  ring(): void;
  /** Resolves when it rings, or after so many milliseconds. */
  wait(ms: number): Promise<void>;
}

/** A bell that is silent. For one listener; it keeps no process from ending. */
export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring: () => {
      rung = true;
      wake?.();
    },
    wait: async (ms) => {
      if (!rung)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      wake = undefined;
      rung = false;
    },
  };
}
