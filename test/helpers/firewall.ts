/** The mangle table of a throw-away network namespace, in both flavours, seen from outside the product. */
import { sh } from "./shell";

export const FLAVOURS = ["nft", "legacy"] as const;
export type Flavour = (typeof FLAVOURS)[number];
/** What every rule of ours has in its comment. */
const OURS = "tenant-routing";

export interface Firewall {
  /** mangle PREROUTING in iptables-save form without counters, both families, one flavour or all that exist. */
  prerouting(flavour?: Flavour): readonly string[];
  /** Those of `prerouting` that carry our comment. */
  ours(flavour?: Flavour): readonly string[];
  /** Runs an iptables command in the namespace, e.g. `tables("nft", "iptables", "-A PREROUTING -j ACCEPT")`. */
  tables(flavour: Flavour, tool: "iptables" | "ip6tables", rule: string): void;
  /** Empties mangle in every flavour. */
  flush(): void;
}

/** The firewall of the network namespace `netns`. */
export function createFirewall(netns: string): Firewall {
  const inside = (command: string): string => sh("ip", "netns", "exec", netns, "sh", "-c", command);
  const prerouting = (flavour?: Flavour): readonly string[] =>
    (flavour === undefined ? FLAVOURS : [flavour]).flatMap((each) => dump(inside, each));
  return {
    prerouting,
    ours: (flavour) => prerouting(flavour).filter((line) => line.includes(OURS)),
    tables: (flavour, tool, rule) => void inside(`${tool}-${flavour} -w 5 -t mangle ${rule}`),
    flush: () => {
      // Legacy tables are only touched when they exist: asking for one would create it.
      inside(`iptables-nft -t mangle -F; ip6tables-nft -t mangle -F
        for f in ip ip6; do if grep -qs mangle /proc/net/"$f"_tables_names; then "$f"tables-legacy -w 5 -t mangle -F; fi; done`);
    },
  };
}

function dump(inside: (command: string) => string, flavour: Flavour): readonly string[] {
  // Without -t, save prints the tables that exist and creates none.
  return inside(`iptables-${flavour}-save; ip6tables-${flavour}-save`)
    .split("\n")
    .filter((line) => line.startsWith("-A PREROUTING"));
}
