/** Pure: the order in which rules change. */
import type { Action, IpRule, RoutesRecord } from "../model";
import { type Mark, sameMark, satisfiesMark } from "../../net/mark";
import { ownRuleKey, ruleKey } from "./identity";

export interface RulesBeforeRoutes {
  /** Stops that have to exist before the lookups go. */
  readonly stops: readonly IpRule[];
  /** Lookups of tables that get another owner, in the order in which they go. */
  readonly lookups: readonly IpRule[];
}

/**
 * The rules that change before the routes. When a table changes its owner, as when two tenants swap
 * theirs, the old owner's lookup would lead to the new owner's routes. So that lookup goes first,
 * and its packets are stopped until the new lookup exists (decision 0041).
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
  const lookups = old.filter(
    (rule) =>
      wanted.some((other) => takesOver(other, rule)) &&
      !wanted.some((other) => isSamePool(other, rule) && other.table === rule.table),
  );
  const known = new Set(present.map(ruleKey));
  const stops = wanted.filter(
    (rule) =>
      rule.unreachable === true &&
      !known.has(ruleKey(rule)) &&
      lookups.some(
        (lookup) =>
          lookup.family === rule.family &&
          (isSamePool(lookup, rule) ||
            (lookup.from === rule.from && isSame(lookup.fwmark, rule.fwmark))),
      ),
  );
  return { stops, lookups };
}

function isSamePool(one: IpRule, other: IpRule): boolean {
  return one.from !== undefined && one.from === other.from && one.family === other.family;
}

function takesOver(next: IpRule, old: IpRule): boolean {
  if (old.fwmark === undefined || next.fwmark === undefined || old.table === undefined)
    return false;
  // Whoever has the table has a rule for its mark.
  if (next.from !== undefined) return false;
  // Another mask for the same packets is no other owner.
  return (
    next.table === old.table &&
    next.family === old.family &&
    !satisfiesMark(old.fwmark, next.fwmark)
  );
}

function isSame(a: Mark | undefined, b: Mark | undefined): boolean {
  return a !== undefined && b !== undefined && sameMark(a, b);
}

/**
 * The changes after which every wanted rule exists, each tenant's stop behind its lookup. Both have
 * one priority, at which the kernel keeps the order of addition: when a lookup was removed and
 * comes back, its stop has to be added again. The lookup comes first, so that no packet is let
 * through.
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
    rule.from === stop.from &&
    rule.fwmark?.value === stop.fwmark?.value &&
    rule.fwmark?.mask === stop.fwmark?.mask
  );
}
