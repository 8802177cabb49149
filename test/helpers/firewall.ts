/** The marks in a throw-away network namespace, of either backend, seen from outside the product. */
import type { Conf } from "./conf";
import { BACKEND } from "./mode";
import { asRules, dropMarks } from "./nftables-marks";
import { sh } from "./shell";

export const VARIANTS = ["nft", "legacy"] as const;
export type Variant = (typeof VARIANTS)[number];
/** Where this run's backend can put marks, as journal records name the places. */
export type Place = Variant | "nftables";
export const PLACES: readonly Place[] = BACKEND === "nftables" ? ["nftables"] : VARIANTS;
/** What every rule of ours has in its comment. */
const OURS = "tenant-routing";

/** The configuration that puts marks there. */
export function putIn(place: Place): Conf {
  return place === "nftables" ? { backend: place } : { iptables: place };
}

/** Where marks may be, whatever this run's backend is; nftables only where a test uses it. */
const ALL: readonly Place[] = [...VARIANTS, ...(BACKEND === "nftables" ? PLACES : [])];

export interface Firewall {
  /**
   * mangle PREROUTING in iptables-save form without counters, both families, one place or all that exist.
   * Marks in nftables are told as the iptables rules that would do the same.
   */
  prerouting(place?: Place): readonly string[];
  /** Those of `prerouting` that carry our comment. */
  ours(place?: Place): readonly string[];
  /** Runs an iptables command in the namespace, e.g. `tables("nft", "iptables", "-A PREROUTING -j ACCEPT")`. */
  tables(variant: Variant, tool: "iptables" | "ip6tables", rule: string): void;
  /** Empties mangle in every variant, and takes our table of nftables away. */
  flush(): void;
}

/** The firewall of the network namespace `netns`. */
export function createFirewall(netns: string): Firewall {
  const inside = (command: string): string => sh("ip", "netns", "exec", netns, "sh", "-c", command);
  const prerouting = (place?: Place): readonly string[] =>
    (place === undefined ? ALL : [place]).flatMap((each) =>
      each === "nftables" ? asRules(inside) : dump(inside, each),
    );
  return {
    prerouting,
    ours: (place) => prerouting(place).filter((line) => line.includes(OURS)),
    tables: (variant, tool, rule) => void inside(`${tool}-${variant} -w 5 -t mangle ${rule}`),
    flush: () => {
      dropMarks(inside);
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
