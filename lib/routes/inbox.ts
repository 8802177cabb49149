/** What the watcher still has to see to. Notices of one kind are one: what has changed is looked up, not told. */

export type Notice = "event" | "tick" | "heartbeat" | "probed" | "report" | "reload" | "stop";

export interface Inbox {
  post(notice: Notice): void;
  /** Whether there was such a notice; it is gone then. */
  take(notice: Notice): boolean;
  /** Until there is any notice. */
  wait(): Promise<void>;
  /** Until `sleep` ends, or there is a notice to stop. */
  rest(sleep: Promise<void>): Promise<void>;
}

/** An empty one, for one reader. */
export function createInbox(): Inbox {
  const notices = new Set<Notice>();
  let wake = (): void => {};
  const stop = new AbortController();
  return {
    post: (notice) => {
      notices.add(notice);
      if (notice === "stop") stop.abort();
      wake();
    },
    take: (notice) => notices.delete(notice),
    wait: () => (notices.size > 0 ? Promise.resolve() : new Promise((resolve) => (wake = resolve))),
    rest: (sleep) => Promise.race([sleep, aborted(stop.signal)]),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
