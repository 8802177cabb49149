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
  let endRest = (): void => {};
  let stopped = false;
  return {
    post: (notice) => {
      notices.add(notice);
      wake();
      if (notice !== "stop") return;
      stopped = true;
      endRest();
    },
    take: (notice) => notices.delete(notice),
    wait: () => (notices.size > 0 ? Promise.resolve() : new Promise((resolve) => (wake = resolve))),
    // No promise and no listener that outlives a rest: there is one after every event, for months.
    rest: (sleep) =>
      stopped
        ? Promise.resolve()
        : new Promise((resolve) => {
            endRest = resolve;
            void sleep.then(resolve);
          }),
  };
}
