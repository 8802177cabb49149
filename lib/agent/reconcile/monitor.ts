/** Changes of the firewall, seen with `nft monitor`; iptables-nft's are among them, iptables-legacy's are not. */
import { PROGRAM_ENVIRONMENT, type Host } from "../../node/host";
import type { Clock, StartStream, Stream } from "../../ports";

/** Between the end of one monitor and the start of the next (ms). */
const RESTART_MS = 2000;
/** What is added harms no mark before the next look; kube-proxy adds a lot. */
const ARGUMENTS = ["monitor", "destroy"];
/** A line that may tell of one of our marks: something is gone from a table where they are. */
const OURS = /^delete \w+ (?:ip|ip6|inet) (?:mangle|tenant-routing-\w+)\b/m;
/** More than the part of a line that `OURS` needs. */
const LONGEST_HEAD = 100;

export interface MonitorOptions {
  readonly start: StartStream;
  readonly host: Host;
  readonly clock: Clock;
  /** Something is gone from a table with marks, or may be. */
  readonly onEvent: () => void;
  /** Why nothing is seen at present; "": all is seen. */
  readonly onTrouble: (why: string) => void;
}

/** Starts the monitor, and starts it again whenever it ends, until `stop` is called. */
export function monitorFirewall(options: MonitorOptions): { stop(): void } {
  let stopped = false;
  let stream: Stream | undefined;
  const run = async (): Promise<void> => {
    while (!stopped) {
      const opened = (stream = open(options));
      // One that lives for a while sees what happens.
      void options.clock.sleep(RESTART_MS).then(() => {
        if (stream === opened) options.onTrouble("");
      });
      const why = await opened.ended;
      stream = undefined;
      if (stopped) return;
      options.onTrouble(
        `nft monitor ended (${why}) and is started again: meanwhile a flushed firewall is noticed at the next interval only`,
      );
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
  const [nft, setpriv] = [host.find("nft"), host.find("setpriv")];
  if (nft === undefined)
    return {
      ended: Promise.resolve("the program nft is missing: install the package nftables"),
      stop: () => {},
    };
  // prctl(2) PR_SET_PDEATHSIG: it dies with us even when we are killed. Without setpriv it ends at
  // its next line (EPIPE).
  const [path, args] =
    setpriv === undefined
      ? [nft, ARGUMENTS]
      : [setpriv, ["--pdeathsig", "KILL", nft, ...ARGUMENTS]];
  let rest = "";
  return start({ path, args, env: PROGRAM_ENVIRONMENT }, (piece) => {
    const text = rest + Buffer.from(piece).toString("latin1");
    if (OURS.test(text)) onEvent();
    rest = text.slice(text.lastIndexOf("\n") + 1).slice(0, LONGEST_HEAD);
  });
}
