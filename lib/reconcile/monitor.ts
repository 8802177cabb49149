/** Changes of the firewall, seen with `nft monitor`; iptables-nft's are among them, iptables-legacy's are not. */
import type { Host } from "../node/host";
import { keepStream, RESTART_MS } from "../node/stream";
import type { Clock, StartStream } from "../ports";

/** What is added harms no mark before the next look; kube-proxy adds a lot. */
const NFT = { name: "nft", package: "nftables", args: ["monitor", "destroy"] };
/** A line that may tell of one of our marks: something is gone from a table where they are. */
const OURS = /^delete \w+ (?:ip|ip6|inet) (?:mangle|tenant-routing-\w+)\b/;
/** More than the part of a line that `OURS` needs. */
const LONGEST_HEAD = 100;

export interface MonitorOptions {
  readonly start: StartStream;
  readonly host: Host;
  readonly clock: Clock;
  /** Whether a line is about what this very process has removed. */
  readonly isOwn?: (line: string) => boolean;
  /** Something is gone from a table with marks, or may be. */
  readonly onEvent: () => void;
  /** Why nothing is seen at present; "": all is seen. */
  readonly onTrouble: (why: string) => void;
}

/** Starts the monitor, and starts it again whenever it ends, until `stop` is called. */
export function monitorFirewall(options: MonitorOptions): { stop(): void } {
  const { clock, onEvent, onTrouble, isOwn = () => false } = options;
  let rest = "";
  return keepStream(NFT, {
    ...options,
    onOutput: (piece) => {
      const lines = (rest + Buffer.from(piece).toString("latin1")).split("\n");
      rest = (lines.pop() ?? "").slice(0, LONGEST_HEAD);
      // Each is asked about: what is ours counts once.
      const others = lines.filter((line) => OURS.test(line) && !isOwn(line));
      if (others.length > 0) onEvent();
    },
    onStart: (stream) => {
      rest = "";
      let isOver = false;
      void stream.ended.then(() => (isOver = true));
      // One that lives for a while sees what happens.
      void clock.sleep(RESTART_MS).then(() => {
        if (!isOver) onTrouble("");
      });
    },
    onExit: (why) =>
      onTrouble(
        `nft monitor ended (${why}) and is started again: meanwhile a flushed firewall is noticed at the next interval only`,
      ),
    // Something may have changed in between.
    onAgain: onEvent,
  });
}
