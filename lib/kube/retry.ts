import type { CniError } from "../cni/error";
import type { Clock } from "../ports";
import { DeadlineError } from "./https-get";

/** The time that one read may take. `deadline` is in the units of `clock.elapsed()`. */
export interface Budget {
  readonly clock: Clock;
  readonly deadline: number;
}

/** Milliseconds that are left, never negative. */
export function remaining(budget: Budget): number {
  return Math.max(0, budget.deadline - budget.clock.elapsed());
}

export interface Patience {
  /** What the server asked for (Retry-After). */
  readonly retryAfterMs?: number;
  /** Waited for as long as the budget lasts, and not only for six attempts. */
  readonly toTheEnd?: boolean;
}

/** A failure that may pass by itself; `final` is what it becomes when it does not. */
export class Transient extends Error {
  constructor(
    readonly final: CniError,
    readonly patience: Patience = {},
  ) {
    super(final.message);
    this.name = "Transient";
  }
}

/** First pause; doubled each time. The kubelet retries the whole pod, so this only bridges hiccups. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;
const MAX_ATTEMPTS = 6;

/**
 * Runs `attempt` until it succeeds, fails for good, or the budget or six attempts (those that may take to the
 * end not counted) are used up; then throws the last failure with the number of attempts in its details.
 */
export async function retrying<T>(budget: Budget, attempt: () => Promise<T>): Promise<T> {
  let before: Transient | undefined;
  let hiccups = 0;
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      const failure = lastWord(error, before);
      if (!(failure instanceof Transient)) throw failure;
      const { retryAfterMs = 0, toTheEnd = false } = failure.patience;
      if (!toTheEnd) hiccups++;
      const pause = Math.max(
        Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), LONGEST_PAUSE_MS),
        retryAfterMs,
      );
      if (hiccups >= MAX_ATTEMPTS || pause >= remaining(budget))
        throw failure.final.withDetails(`attempts: ${count}`);
      await budget.clock.sleep(pause);
      before = failure;
    }
  }
}

/** An attempt that the end of the budget cut off says less than the answer that the one before it got. */
function lastWord(error: unknown, before: Transient | undefined): unknown {
  const isCutOff = error instanceof Error && error.cause instanceof DeadlineError;
  return isCutOff && before?.patience.toTheEnd === true ? before : error;
}
