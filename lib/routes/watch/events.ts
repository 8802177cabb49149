/** Tells that links, addresses, routes or rules of the node have changed, by `ip monitor`. */
import type { Clock, StartStream, Stream } from "../../ports";
import { type Host, PROGRAM_ENVIRONMENT } from "../../node/host";

/** Between the end of one `ip monitor` and the start of the next (ms). */
const RESTART_MS = 2000;
const WORDS = ["-o", "monitor", "link", "address", "route", "rule"];

export interface MonitorOptions {
  readonly start: StartStream;
  readonly host: Host;
  readonly clock: Clock;
  /** Something changed; what it was has to be looked up. */
  readonly onEvent: () => void;
  /** It ended by itself, and will be started again. Changes meanwhile are not told. */
  readonly onTrouble: (why: string) => void;
}

/** Runs until `stop` is called. */
export function startMonitor(options: MonitorOptions): { stop(): void } {
  let stopped = false;
  let stream: Stream | undefined;
  const run = async (): Promise<void> => {
    while (!stopped) {
      stream = open(options);
      const why = await stream.ended;
      if (stopped) return;
      options.onTrouble(why);
      await options.clock.sleep(RESTART_MS);
      // What happened in between.
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
  // prctl(2) PR_SET_PDEATHSIG: it dies with us even when we are killed. Without setpriv it ends at its next line (EPIPE).
  const [path, args] =
    setpriv === undefined ? [ip, WORDS] : [setpriv, ["--pdeathsig", "KILL", ip, ...WORDS]];
  return start({ path, args, env: PROGRAM_ENVIRONMENT }, onEvent);
}

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
