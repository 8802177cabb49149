/** Requests that wait for their turn: first come, first served, so many at a time. */
import { CniError } from "../cni/error";

export interface Queue {
  /**
   * Runs `body` when it is its turn. Throws CniError `tryAgainLater` when that takes longer than the limit:
   * the runtime then hears a reason, before it gives up by itself.
   */
  run<T>(body: () => Promise<T>): Promise<T>;
  /** How many run now. */
  readonly active: number;
  /** How many wait. */
  readonly waiting: number;
}

export interface QueueOptions {
  /** How many run at a time. */
  readonly slots: number;
  /** How long one waits at most (ms). */
  readonly limitMs: number;
}

interface Waiter {
  readonly start: () => void;
  readonly timer: NodeJS.Timeout;
}

/** An empty queue. `options` is asked each time, so that a change of the configuration counts at once. */
export function createQueue(options: () => QueueOptions): Queue {
  const waiters = new Set<Waiter>();
  let active = 0;
  const leave = (): void => {
    active--;
    for (const waiter of waiters) {
      if (active >= options().slots) return;
      waiters.delete(waiter);
      clearTimeout(waiter.timer);
      active++;
      waiter.start();
    }
  };
  const turn = (): Promise<void> => {
    const { slots, limitMs } = options();
    if (active < slots && waiters.size === 0) {
      active++;
      return Promise.resolve();
    }
    return new Promise((start, reject) => {
      const timer = setTimeout(() => {
        waiters.delete(waiter);
        reject(tooBusy(limitMs, active));
      }, limitMs);
      const waiter: Waiter = { start, timer };
      waiters.add(waiter);
    });
  };
  return {
    run: async (body) => {
      await turn();
      try {
        return await body();
      } finally {
        leave();
      }
    },
    get active() {
      return active;
    },
    get waiting() {
      return waiters.size;
    },
  };
}

function tooBusy(limitMs: number, active: number): CniError {
  return new CniError(
    "tryAgainLater",
    `the agent has ${active} requests at work and this one had no turn within ${limitMs} ms: ` +
      'nothing was done; see "agent.requests" and "agent.queueTimeout" in the conflist',
  );
}
