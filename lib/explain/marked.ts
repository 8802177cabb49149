/** Pure: the mark that a pod's packet has when it is routed. */
import type { Mark } from "../net/mark";
import type { HookPacket } from "./firewall/matches";
import type { FirewallFacts, Marked, Packet, PodFacts, RuleSight } from "./model";
import { markAfter, nativeRules, unfollowedChains, type NativeRule } from "./firewall/native";
import { parseSaved, type SavedChains } from "./firewall/saved";
import { walk, type Seen, type Walk } from "./firewall/walk";

export interface MarkedInput {
  readonly packet: Packet;
  readonly pod: Pick<PodFacts, "mark" | "backend">;
  readonly firewall: FirewallFacts;
  /** Addresses of the node. */
  readonly own: readonly string[];
  /** Whether the mark of the pod's own backend is in force, where that is nftables. */
  readonly inNftables: boolean;
}

/** The comments of our rules begin like this. */
const OURS = /--comment "?tenant-routing /;

/**
 * Sends the packet through PREROUTING of every table that may touch it. The firewall that has our
 * mark is taken to be first, because of what stands at the same priority the order is chance.
 */
export function markedBy({ packet, pod, firewall, own, inNftables }: MarkedInput): Marked {
  const { mark: wanted } = pod;
  const start = inNftables && wanted !== undefined ? wanted.value : 0;
  const all = savedOf(firewall, packet.family);
  const ordered = all
    .map(({ chains }) => chains)
    .sort((a, b) => Number(hasOurs(b)) - Number(hasOurs(a)));
  let mark = start;
  const seen: Seen[] = [];
  let dropped: RuleSight | undefined;
  for (const chains of ordered)
    for (const table of ["raw", "mangle"]) {
      const went = walk(chains.get(table), "PREROUTING", hookPacket(packet, own, mark));
      mark = went.mark;
      seen.push(...went.seen);
      dropped ??= dropOf(went);
    }
  const natives = nativeRules(firewall.nft, { ...packet, oif: undefined, mark }, "prerouting");
  dropped ??= natives.find(({ effect, matched }) => effect === "drop" && matched === "yes");
  return { ...withNative(natives, { value: mark, seen, wanted }), dropped };
}

function withNative(
  natives: readonly NativeRule[],
  { value, seen, wanted }: { value: number; seen: readonly Seen[]; wanted: Mark | undefined },
): Omit<Marked, "dropped"> {
  const certain = natives.filter(({ matched }) => matched === "yes");
  const set = certain.filter(({ effect }) => effect === "mark").at(-1);
  const final = markAfter(natives, value);
  const iptables = seen.filter((each) => each.certain && !OURS.test(each.rule.text));
  const spoilt = wanted !== undefined && !carries(final, wanted);
  const last = iptables.filter(({ effect, mark }) => effect === "mark" && spoils(mark, wanted));
  return {
    value: final,
    spoiltBy: spoilt ? (set ?? last.at(-1)?.rule ?? accepted(iptables)) : undefined,
    maybe: [
      ...seen
        .filter((each) => !each.certain && each.effect !== "accept" && spoils(each.mark, wanted))
        .map(({ rule }) => rule),
      ...natives.filter(mayMatter),
    ],
    untracked:
      iptables.find(({ effect }) => effect === "untrack")?.rule ??
      certain.find(({ effect }) => effect === "untrack"),
  };
}

/** Whether it may set another mark, or drop the packet. */
function mayMatter({ effect, matched, sets }: NativeRule): boolean {
  if (effect === "drop") return matched === "maybe";
  return effect === "mark" && (matched === "maybe" || sets === undefined);
}

/** What of the firewalls could not be read, or is not followed; in sentences. */
export function blindSpots({ saved, nft, nftProblem }: FirewallFacts): readonly string[] {
  const unfollowed = unfollowedChains(nft);
  return [
    ...saved.flatMap((each) => ("problem" in each ? [`${each.program}: ${each.problem}`] : [])),
    ...(nftProblem === undefined ? [] : [`nftables itself: ${nftProblem}`]),
    ...(unfollowed.length === 0
      ? []
      : [`chains of devices and bridges are not followed: ${unfollowed.join(", ")}`]),
  ];
}

// An ACCEPT before our rule keeps the packet from it.
function accepted(seen: readonly Seen[]): RuleSight | undefined {
  return seen.find(({ effect }) => effect === "accept")?.rule;
}

function spoils(mark: number, wanted: Mark | undefined): boolean {
  return wanted === undefined ? mark !== 0 : !carries(mark, wanted);
}

/** True when the bits of the mark are as it says. */
export function carries(value: number, { value: wanted, mask }: Mark): boolean {
  return (value & mask) >>> 0 === wanted;
}

function hasOurs(chains: SavedChains): boolean {
  const rules = chains.get("mangle")?.get("PREROUTING")?.rules ?? [];
  return rules.some(({ text }) => OURS.test(text));
}

/** What iptables of one variant has. */
export interface Program {
  readonly program: string;
  readonly chains: SavedChains;
}

/** What iptables of this family has, by variant. */
export function savedOf({ saved }: FirewallFacts, family: 4 | 6): readonly Program[] {
  return saved.flatMap((each) =>
    "text" in each && each.program.startsWith(family === 6 ? "ip6tables" : "iptables")
      ? [{ program: each.program, chains: parseSaved(each.program, each.text) }]
      : [],
  );
}

/** The packet as the chains of one hook see it; `oif`: once it is routed. */
export function hookPacket(
  { from = "", ...packet }: Packet,
  own: readonly string[],
  mark: number,
  oif?: string,
): HookPacket {
  return { ...packet, from, oif, mark, own };
}

/** The rule that ended the walk; undefined when it was none, or the policy. */
export function dropOf({ verdict, seen, byPolicy }: Walk): RuleSight | undefined {
  if (verdict !== "drop" || byPolicy) return undefined;
  return seen.filter(({ certain, effect }) => certain && effect === "drop").at(-1)?.rule;
}
