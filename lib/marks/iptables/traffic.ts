/** The counters of our rules. */
import type { Traffic } from "../../traffic";
import { groupBy } from "../../net/group";
import { parseSave, type InstalledRule } from "./format";
import type { Slot } from "./programs";
import type { Tables } from "./transaction";

/** A rule and what it has counted. */
export interface CountedRule extends InstalledRule {
  readonly packets: number;
  readonly bytes: number;
}

/** The traffic of every attachment with intact rules in these slots, listed all at once. */
export async function trafficIn(
  { tools }: Pick<Tables, "tools">,
  slots: readonly Slot[],
): Promise<readonly Traffic[]> {
  const listings = await Promise.all(
    slots.map(async (slot) =>
      parseCounted(await tools.save(slot, "mangle", "with counters"), slot),
    ),
  );
  return trafficOf(listings.flat());
}

/** Pure: our rules in the output of `iptables-save -c -t mangle`. */
export function parseCounted(text: string, { variant, family }: Slot): readonly CountedRule[] {
  return text.split("\n").flatMap((line) => {
    const [, packets, bytes, rule = ""] = /^\[(\d+):(\d+)\] (.*)$/.exec(line) ?? [];
    return parseSave(rule, variant, family).map((each) => ({
      ...each,
      packets: Number(packets),
      bytes: Number(bytes),
    }));
  });
}

/** Pure: packets that got the mark and kept it: the reply rule takes it off those that it counts. */
export function trafficOf(rules: readonly CountedRule[]): readonly Traffic[] {
  const intact = rules.filter(({ mark }) => mark !== undefined);
  const replies = groupBy(
    intact.filter(({ kind }) => kind === "reply"),
    keyOf,
  );
  const marking = intact.filter(({ kind }) => kind === "mark");
  const marks = groupBy(marking, keyOf);
  return [...new Set(marking.map(keyOf))].flatMap((key) => {
    const [{ variant, tag, mark } = {}] = marks(key);
    if (variant === undefined || tag === undefined || mark === undefined) return [];
    const left = (of: "packets" | "bytes"): number =>
      Math.max(0, sum(marks(key), of) - sum(replies(key), of));
    return [{ backend: variant, tag, mark, packets: left("packets"), bytes: left("bytes") }];
  });
}

function keyOf({ tag, variant, mark }: CountedRule): string {
  return `${tag} ${variant} ${mark?.mask ?? 0}`;
}

function sum(rules: readonly CountedRule[], of: "packets" | "bytes"): number {
  return rules.reduce((total, rule) => total + rule[of], 0);
}
