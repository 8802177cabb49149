/** Pure: lookups that must be gone before their table gets another tenant's routes. */
import type { Action, IpRule, RoutesRecord } from "../model";
import { type Mark, sameMark, satisfiesMark } from "../../net/mark";
import { ownRuleKey, ruleKey } from "./identity";

export interface RulesBeforeRoutes {
  /** Stops that are to stand before the lookups go. */
  readonly stops: readonly IpRule[];
  /** The old lookups, in the order in which they go. */
  readonly lookups: readonly IpRule[];
}

/**
 * A table that changes hands, as when two tenants exchange theirs, has the new owner's routes as soon
 * as they are put in, and the old owner's lookup would lead there. So the lookup goes first, and
 * what it served is stopped for the moment until its new one stands (decision 0041).
 */
export function rulesBeforeRoutes(
  wanted: readonly IpRule[],
  present: readonly IpRule[],
  record: RoutesRecord,
): RulesBeforeRoutes {
  const keep = new Set(wanted.map(ruleKey));
  const there = new Set(present.map(ownRuleKey));
  const old = record.rules.filter(
    (rule) => !keep.has(ruleKey(rule)) && there.has(ownRuleKey(rule)),
  );
  const lookups = old.filter((rule) => wanted.some((other) => takesOver(other, rule)));
  const known = new Set(present.map(ruleKey));
  const stops = wanted.filter(
    (rule) =>
      rule.unreachable === true &&
      !known.has(ruleKey(rule)) &&
      lookups.some((lookup) => lookup.family === rule.family && isSame(lookup.fwmark, rule.fwmark)),
  );
  return { stops, lookups };
}

function takesOver(next: IpRule, old: IpRule): boolean {
  if (old.fwmark === undefined || next.fwmark === undefined || old.table === undefined)
    return false;
  // A new mask for the same packets is no new owner.
  return (
    next.table === old.table &&
    next.family === old.family &&
    !satisfiesMark(old.fwmark, next.fwmark)
  );
}

function isSame(a: Mark | undefined, b: Mark | undefined): boolean {
  return a !== undefined && b !== undefined && sameMark(a, b);
}

/** Pure: which rules have to be added, and which stand in the wrong order. */

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
