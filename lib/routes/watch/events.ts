/**
 * What the watcher reacts to: changes of the node, seen with `ip monitor`, signals and the time.
 */
import type { Clock, StartStream, Stream } from "../../ports";
import { type Host, PROGRAM_ENVIRONMENT } from "../../node/host";

/** Between the end of one `ip monitor` and the start of the next (ms). */
const RESTART_MS = 2000;
const MONITOR_ARGUMENTS = ["-o", "monitor", "link", "address", "route", "rule"];

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
  let stopped = false;
  let stream: Stream | undefined;
  const run = async (): Promise<void> => {
    while (!stopped) {
      stream = open(options);
      const why = await stream.ended;
      if (stopped) return;
      options.onExit(why);
      await options.clock.sleep(RESTART_MS);
      // Something may have changed in between.
      options.onEvent();
    }
  };
  void run();
  return {
    stop: () => {
      stopped = true;
      stream?.stop();
    },
  };
}

function open({ start, host, onEvent }: MonitorOptions): Stream {
  const [ip, setpriv] = [host.find("ip"), host.find("setpriv")];
  if (ip === undefined)
    return {
      ended: Promise.resolve("the program ip is missing: install the package iproute2"),
      stop: () => {},
    };
  // prctl(2) PR_SET_PDEATHSIG: it dies with us even when we are killed. Without setpriv it ends at
  // its next line (EPIPE).
  const [path, args] =
    setpriv === undefined
      ? [ip, MONITOR_ARGUMENTS]
      : [setpriv, ["--pdeathsig", "KILL", ip, ...MONITOR_ARGUMENTS]];
  return start({ path, args, env: PROGRAM_ENVIRONMENT }, onEvent);
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
