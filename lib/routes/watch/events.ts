/**
 * What the watcher reacts to: changes of the node, seen with `ip monitor`, signals and the time.
 */
import type { Clock, StartStream } from "../../ports";
import type { Host } from "../../node/host";
import { keepStream } from "../../node/stream";

const IP = {
  name: "ip",
  package: "iproute2",
  args: ["-o", "monitor", "link", "address", "route", "rule"],
};

export interface MonitorOptions {
  readonly start: StartStream;
  readonly host: Host;
  readonly clock: Clock;
  /** A link, address, route or rule changed; which one has to be looked up. */
  readonly onEvent: () => void;
  /** The monitor ended by itself and is started again; changes in between go unseen. */
  readonly onExit: (why: string) => void;
}

/** Starts `ip monitor`, and starts it again whenever it ends, until `stop` is called. */
export function startMonitor(options: MonitorOptions): { stop(): void } {
  const { onEvent } = options;
  // Something may have changed while there was none.
  return keepStream(IP, { ...options, onOutput: onEvent, onAgain: onEvent });
}

/** Why the watcher has something to do. */
export type WatchEvent = "changed" | "tick" | "heartbeat" | "probed" | "report" | "reload" | "stop";

/**
 * Events that are still to be handled. Several of one kind count as one: what changed is looked up.
 */
export interface EventQueue {
  post(event: WatchEvent): void;
  /** Removes the event; returns whether it was there. */
  take(event: WatchEvent): boolean;
  /** True from the first `stop` on. */
  isStopping(): boolean;
  /** Resolves once there is any event. */
  wait(): Promise<void>;
  /** Resolves once `sleep` ends, or at once when the watcher has to stop. */
  rest(sleep: Promise<void>): Promise<void>;
}

/** An empty queue, for one reader. */
export function createEventQueue(): EventQueue {
  const pending = new Set<WatchEvent>();
  let wake = (): void => {};
  let endRest = (): void => {};
  let stopped = false;
  return {
    post: (event) => {
      pending.add(event);
      wake();
      if (event !== "stop") return;
      stopped = true;
      endRest();
    },
    take: (event) => pending.delete(event),
    isStopping: () => stopped,
    wait: () => (pending.size > 0 ? Promise.resolve() : new Promise((resolve) => (wake = resolve))),
    // Leaves no promise and no listener behind: it is called after every event, for months.
    rest: (sleep) =>
      stopped
        ? Promise.resolve()
        : new Promise((resolve) => {
            endRest = resolve;
            void sleep.then(resolve);
          }),
  };
}
