/** Pure: foreign rules that write a mark on the packets of certain addresses, and whom they concern. */
import { contains, parsePrefix, type Prefix } from "../../net/address";
import type { Mark } from "../../net/mark";
import { markUserText } from "../../routes/conflicts/text";
import type { MarkUse } from "../../routes/model";

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
}

/** Those of the uses that write bits on packets from certain addresses. */
export function foreignRules(uses: readonly MarkUse[]): readonly ForeignRule[] {
  return uses.flatMap(({ by, mask, value, rule }) => {
    if (rule === undefined || !rule.writes || rule.sources.length === 0) return [];
    const { text, removal, sources } = rule;
    return [{ where: markUserText(by), text, removal, sources, mask, value }];
  });
}

/** A pod, as far as a foreign rule can concern it. */
export interface Concerned {
  /** `<namespace>/<pod>`, or what else it is called. */
  readonly pod: string;
  readonly addresses: readonly string[];
}

/** A foreign rule, and a pod whose packets it marks. */
export interface ForeignHit<P extends Concerned = Concerned> {
  readonly rule: ForeignRule;
  readonly pod: P;
  readonly address: string;
}

/** What the rules do to the pods: those that write one of `bits`, the bits of the tenants' marks. */
export function hitsOf<P extends Concerned>(
  rules: readonly ForeignRule[],
  pods: readonly P[],
  bits: number,
): readonly ForeignHit<P>[] {
  return rules
    .filter(({ mask }) => (mask & bits) !== 0)
    .flatMap((rule) =>
      pods.flatMap((pod) => {
        const address = pod.addresses.find((each) => isFrom(rule, each));
        return address === undefined ? [] : [{ rule, pod, address }];
      }),
    );
}

function isFrom({ sources }: ForeignRule, address: string): boolean {
  const host = parsePrefix(address);
  return host !== undefined && sources.some((source) => contains(source, host));
}

/** The mark that packets have after the rule, as far as the bits of `mark` go; undefined: not known, or as before. */
export function isGiven({ mask, value }: Pick<ForeignRule, "mask" | "value">, mark: Mark): boolean {
  return (
    value !== undefined &&
    (mask & mark.mask) >>> 0 === mark.mask &&
    (value & mark.mask) >>> 0 === mark.value
  );
}
