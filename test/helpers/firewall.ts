/** The mangle table of a throw-away network namespace, in both variants, seen from outside the product. */
import { sh } from "./shell";

export const VARIANTS = ["nft", "legacy"] as const;
export type Variant = (typeof VARIANTS)[number];
/** What every rule of ours has in its comment. */
const OURS = "tenant-routing";

export interface Firewall {
  /** mangle PREROUTING in iptables-save form without counters, both families, one variant or all that exist. */
  prerouting(variant?: Variant): readonly string[];
  /** Those of `prerouting` that carry our comment. */
  ours(variant?: Variant): readonly string[];
  /** Runs an iptables command in the namespace, e.g. `tables("nft", "iptables", "-A PREROUTING -j ACCEPT")`. */
  tables(variant: Variant, tool: "iptables" | "ip6tables", rule: string): void;
  /** Empties mangle in every variant. */
  flush(): void;
}

/** The firewall of the network namespace `netns`. */
export function createFirewall(netns: string): Firewall {
  const inside = (command: string): string => sh("ip", "netns", "exec", netns, "sh", "-c", command);
  const prerouting = (variant?: Variant): readonly string[] =>
    (variant === undefined ? VARIANTS : [variant]).flatMap((each) => dump(inside, each));
  return {
    prerouting,
    ours: (variant) => prerouting(variant).filter((line) => line.includes(OURS)),
    tables: (variant, tool, rule) => void inside(`${tool}-${variant} -w 5 -t mangle ${rule}`),
    flush: () => {
      // Legacy tables are only touched when they exist: asking for one would create it.
      inside(`iptables-nft -t mangle -F; ip6tables-nft -t mangle -F
        for f in ip ip6; do if grep -qs mangle /proc/net/"$f"_tables_names; then "$f"tables-legacy -w 5 -t mangle -F; fi; done`);
    },
  };
}

function dump(inside: (command: string) => string, variant: Variant): readonly string[] {
  // Without -t, save prints the tables that exist and creates none.
  return inside(`iptables-${variant}-save; ip6tables-${variant}-save`)
    .split("\n")
    .filter((line) => line.startsWith("-A PREROUTING"));
}
