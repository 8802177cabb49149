/** Pure: foreign rules that write a mark on the packets of certain addresses, and whom they concern. */
import { contains, formatCidr, parsePrefix, type Prefix } from "../../net/address";
import type { Mark } from "../../net/mark";
import { markUserText } from "../../routes/conflicts/text";
import type { MarkUse, UsingRule } from "../../routes/model";

/** A rule of somebody else that writes bits of the mark on packets from certain addresses. */
export interface ForeignRule {
  /** Program, table and chain: `iptables-nft mangle PREROUTING`. */
  readonly where: string;
  /** As its own tool prints it, for people. */
  readonly text: string;
  /** One command that removes it. */
  readonly removal: string;
  readonly sources: readonly Prefix[];
  /** Bits that it writes, and what it writes there; undefined: not known. */
  readonly mask: number;
  readonly value: number | undefined;
  /** Addresses whose marks a rule of ours behind it writes again. */
  readonly overwritten: readonly Prefix[];
}

/** Hooks behind the choice of a route: a mark that is written there leads no packet elsewhere. */
const TOO_LATE = ["INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/** Those of the uses that write bits on packets from certain addresses. */
export function foreignRules(uses: readonly MarkUse[]): readonly ForeignRule[] {
  return uses.flatMap(({ by, mask, value, rule }) => {
    if (rule === undefined || !rule.writes || ("chain" in by && TOO_LATE.includes(by.chain)))
      return [];
    const { text, removal, overwritten = [] } = rule;
    const sources = sourcesOf(by, rule);
    return sources.length === 0
      ? []
      : [{ where: markUserText(by), text, removal, sources, mask, value, overwritten }];
  });
}

/** Everybody's address for a rule of iptables that says nothing of whom it is for. */
function sourcesOf(by: MarkUse["by"], { sources, narrowed }: UsingRule): readonly Prefix[] {
  if (sources.length > 0 || narrowed !== false || by.kind !== "iptables") return sources;
  return [by.program.startsWith("ip6") ? "::/0" : "0.0.0.0/0"].flatMap(
    (all) => parsePrefix(all) ?? [],
  );
}

/** A pod, as far as a foreign rule can concern it. */
export interface Concerned {
  /** `<namespace>/<pod>`, or what else it is called. */
  readonly pod: string;
  readonly addresses: readonly string[];
  /** undefined: it has none. */
  readonly mark: Mark | undefined;
}

/** A foreign rule, and the pods whose packets it leads astray. */
export interface ForeignHit {
  readonly rule: ForeignRule;
  readonly pods: readonly string[];
}

/**
 * What the rules do to the pods: those that write bits of a pod's mark with another value, which no rule of ours
 * writes again; and those that give a pod without a mark one of `marks`, or `bits` that are not known.
 */
export function hitsOf(
  rules: readonly ForeignRule[],
  pods: readonly Concerned[],
  { marks, bits }: { readonly marks: readonly Mark[]; readonly bits: number },
): readonly ForeignHit[] {
  return rules.flatMap((rule) => {
    // Ours are for single addresses, and there may be thousands of them.
    const again = new Set(rule.overwritten.map(formatCidr));
    const hit = pods.filter(
      (pod) => isAstray(rule, pod, { marks, bits }) && isHit(rule, pod, again),
    );
    return hit.length === 0 ? [] : [{ rule, pods: hit.map(({ pod }) => pod) }];
  });
}

/** `again`: addresses whose marks are written again behind the rule. */
function isHit(
  { sources }: ForeignRule,
  { addresses, mark }: Concerned,
  again: ReadonlySet<string>,
): boolean {
  return addresses.some((address) => {
    const host = parsePrefix(address);
    if (host === undefined || !sources.some((each) => contains(each, host))) return false;
    return mark === undefined || !again.has(formatCidr(host));
  });
}

function isAstray(
  rule: ForeignRule,
  { mark }: Concerned,
  { marks, bits }: { readonly marks: readonly Mark[]; readonly bits: number },
): boolean {
  const { mask, value } = rule;
  if (mark === undefined)
    return value === undefined || marks.length === 0
      ? (mask & bits) !== 0
      : marks.some((each) => isGiven(rule, each));
  return (mask & mark.mask) !== 0 && !(value !== undefined && isSame(rule, mark));
}

/** True where the bits that it writes are those that the mark has anyway. */
function isSame({ mask, value = 0 }: ForeignRule, mark: Mark): boolean {
  const common = mask & mark.mask;
  return (value & common) === (mark.value & common);
}

/** The mark that packets have after the rule, as far as the bits of `mark` go; undefined: not known, or as before. */
export function isGiven({ mask, value }: Pick<ForeignRule, "mask" | "value">, mark: Mark): boolean {
  return (
    value !== undefined &&
    (mask & mark.mask) >>> 0 === mark.mask &&
    (value & mark.mask) >>> 0 === mark.value
  );
}
