/** Pure: lookups that must be gone before their table gets another tenant's routes. */
import type { RoutesRecord } from "../record-type";
import { sameMark, satisfiesMark, type Mark } from "../../net/mark";
import { ownRuleKey, ruleKey } from "./identity";
import type { IpRule } from "../model";

export interface Handover {
  /** Stops that are to stand before the lookups go. */
  readonly stops: readonly IpRule[];
  /** The old lookups, in the order in which they go. */
  readonly lookups: readonly IpRule[];
}

/**
 * A table that changes hands, as when two tenants exchange theirs, has the new owner's routes as soon
 * as they are put in, and the old owner's lookup would lead there. So the lookup goes first, and
 * what it served is stopped for the moment until its new one stands.
 */
export function handover(
  wanted: readonly IpRule[],
  present: readonly IpRule[],
  record: RoutesRecord,
): Handover {
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
