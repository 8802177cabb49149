import type { CniError } from "../cni/error";
import type { Clock } from "../ports";

/** The time that one read may take. `deadline` is in the units of `clock.elapsed()`. */
export interface Budget {
  readonly clock: Clock;
  readonly deadline: number;
}

/** Milliseconds that are left, never negative. */
export function remaining(budget: Budget): number {
  return Math.max(0, budget.deadline - budget.clock.elapsed());
}

/** A failure that may pass by itself; `final` is what it becomes when it does not. */
export class Transient extends Error {
  constructor(
    readonly final: CniError,
    /** What the server asked for (Retry-After). */
    readonly retryAfterMs: number = 0,
  ) {
    super(final.message);
    this.name = "Transient";
  }
}

/** First pause; doubled each time. The kubelet retries the whole pod, so this only bridges hiccups. */
const FIRST_PAUSE_MS = 50;
const MAX_ATTEMPTS = 6;

/**
 * Runs `attempt` until it succeeds, fails for good, or the budget or six attempts are used up;
 * then throws the last failure with the number of attempts in its details.
 */
export async function retrying<T>(budget: Budget, attempt: () => Promise<T>): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Transient)) throw error;
      const pause = Math.max(FIRST_PAUSE_MS * 2 ** (count - 1), error.retryAfterMs);
      if (count >= MAX_ATTEMPTS || pause >= remaining(budget)) throw error.final.withDetails(`attempts: ${count}`);
      await budget.clock.sleep(pause);
    }
  }
}
