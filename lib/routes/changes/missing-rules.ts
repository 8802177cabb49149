/** Pure: which rules have to be added, and which stand in the wrong order. */
import { ruleKey } from "./identity";
import type { Action, IpRule } from "../model";

/**
 * The changes after which every wanted rule stands, a tenant's stop behind its lookup. Both have one
 * priority, where the kernel keeps the order in which rules were added: a stop whose lookup was
 * removed and comes back has to be added again. The lookup comes first, so that nothing is let through.
 */
export function missingRules(
  wanted: readonly IpRule[],
  present: readonly IpRule[],
): readonly Action[] {
  const place = new Map(present.map((rule, i) => [ruleKey(rule), i]));
  const at = (rule: IpRule): number => place.get(ruleKey(rule)) ?? Number.POSITIVE_INFINITY;
  const ordered = [...wanted].sort((a, b) => a.priority - b.priority);
  const early = ordered.filter(
    (stop) =>
      stop.unreachable === true &&
      place.has(ruleKey(stop)) &&
      ordered.some((rule) => isLookupOf(rule, stop) && at(rule) > at(stop)),
  );
  return [
    ...ordered
      .filter((rule) => !place.has(ruleKey(rule)))
      .map((rule): Action => ({ kind: "rule", op: "add", rule })),
    ...early.flatMap((rule): readonly Action[] => [
      { kind: "rule", op: "del", rule },
      { kind: "rule", op: "add", rule },
    ]),
  ];
}

function isLookupOf(rule: IpRule, stop: IpRule): boolean {
  return (
    rule.table !== undefined &&
    rule.family === stop.family &&
    rule.priority === stop.priority &&
    rule.fwmark?.value === stop.fwmark?.value &&
    rule.fwmark?.mask === stop.fwmark?.mask
  );
}
