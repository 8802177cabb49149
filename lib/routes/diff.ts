/** Pure: which changes make the node match a plan, or undo what was done. */
import type { RoutesRecord } from "./record-type";
import { routeKey, routePlace, ruleKey, satisfies } from "./same";
import type { Action, ForwardRule, IpRoute, IpRule, NodeState, RoutesPlan } from "./types";

/** What of the node's firewall and files belongs to the node routes, as it is now. */
export interface OwnThings {
  /** Our FORWARD rules that stand, in the order of the chain. */
  readonly forward: readonly ForwardRule[];
  /** Our nftables table as the kernel lists it; undefined: absent. */
  readonly natListing: string | undefined;
  /** Text of the file with the tables' names; undefined: absent. */
  readonly names: string | undefined;
}

export interface DiffInput {
  readonly plan: RoutesPlan;
  readonly state: NodeState;
  readonly own: OwnThings;
  readonly record: RoutesRecord;
  /** Whether kernel settings are changed, or only checked. */
  readonly sysctl: boolean;
}

/**
 * The changes, in an order in which no packet ever finds a rule without its table, nor a table
 * without its stop: sysctls, translation, routes (stops first), rules (exclusions first), then what
 * an earlier plan left.
 */
export function changesFor({ plan, state, own, record, sysctl }: DiffInput): readonly Action[] {
  const rules = plan.rules.map(({ item }) => item);
  const routes = plan.routes.map(({ item }) => item);
  return [
    ...(sysctl ? sysctlChanges(plan, state) : []),
    ...forwardChanges(plan.forward.map(({ item }) => item), own.forward),
    ...natChanges(plan.nat, own.natListing, record),
    ...stopsFirst(missingRoutes(routes, state.routes)),
    ...missingRules(rules, state.rules).map((rule): Action => ({ kind: "rule", op: "add", rule })),
    ...staleRules(rules, state.rules, record).map((rule): Action => ({ kind: "rule", op: "del", rule })),
    ...staleRoutes(routes, state.routes, record).map((route): Action => ({ kind: "route", op: "del", route })),
    ...fileChanges(plan, own, record),
  ];
}

/** The record of a node that matches the plan, before which it was as `record` and `state` say. */
export function recordAfter({ plan, state, record, sysctl }: DiffInput): RoutesRecord {
  const changed = (sysctl ? sysctlChanges(plan, state) : []).map(({ path, value }) => {
    const before = record.sysctls[path]?.before ?? state.sysctl(path) ?? value;
    return [path, { before, written: value }] as const;
  });
  const sysctls = { ...record.sysctls, ...Object.fromEntries(changed) };
  return {
    rules: plan.rules.map(({ item }) => item),
    routes: plan.routes.map(({ item }) => item),
    sysctls,
    forward: plan.forward.map(({ item }) => item),
    nat: plan.nat === undefined ? undefined : { text: plan.nat, listing: record.nat?.text === plan.nat ? record.nat.listing : "" },
    names: plan.names?.path,
  };
}

/** Both records' things: what has to be undone when a change dies half-way. */
export function joinRecords(a: RoutesRecord, b: RoutesRecord): RoutesRecord {
  const once = <T>(items: readonly T[], key: (item: T) => string): readonly T[] => [...new Map(items.map((item) => [key(item), item])).values()];
  return {
    ...b,
    rules: once([...a.rules, ...b.rules], ruleKey),
    routes: once([...a.routes, ...b.routes], routeKey),
    forward: once([...a.forward, ...b.forward], ({ family, spec }) => `${family} ${spec}`),
    nat: b.nat ?? a.nat,
    names: b.names ?? a.names,
  };
}

/** The changes that take everything away again that `record` tells of, the tenants' rules first. */
export function changesToRemove(record: RoutesRecord, state: NodeState, own: OwnThings): readonly Action[] {
  const rules = [...record.rules].sort((a, b) => b.priority - a.priority);
  return [
    ...staleRules([], state.rules, { ...record, rules }).map((rule): Action => ({ kind: "rule", op: "del", rule })),
    ...staleRoutes([], state.routes, record).map((route): Action => ({ kind: "route", op: "del", route })),
    ...own.forward.map((rule): Action => ({ kind: "forward", op: "del", rule })),
    ...(own.natListing === undefined ? [] : [{ kind: "nat", text: undefined } as const]),
    ...(own.names === undefined || record.names === undefined ? [] : [{ kind: "file", path: record.names, text: undefined } as const]),
    // Only what still is as we left it: a later change of others is theirs.
    ...Object.entries(record.sysctls).filter(([path, { written }]) => state.sysctl(path) === written).map(([path, { before }]): Action => ({ kind: "sysctl", path, value: before })),
  ];
}

type SysctlChange = Extract<Action, { kind: "sysctl" }>;

function sysctlChanges(plan: RoutesPlan, state: NodeState): readonly SysctlChange[] {
  return plan.sysctls.flatMap(({ item: { path, value, also } }): readonly SysctlChange[] => {
    const now = state.sysctl(path);
    return now === undefined || now === value || also.includes(now) ? [] : [{ kind: "sysctl", path, value }];
  });
}

function forwardChanges(wanted: readonly ForwardRule[], present: readonly ForwardRule[]): readonly Action[] {
  const key = ({ family, spec }: ForwardRule): string => `${family} ${spec}`;
  const has = (list: readonly ForwardRule[], rule: ForwardRule): boolean => list.some((other) => key(other) === key(rule));
  // A rule that stands twice is one too many.
  const surplus = present.filter((rule, i) => !has(wanted, rule) || present.findIndex((other) => key(other) === key(rule)) !== i);
  return [
    ...wanted.filter((rule) => !has(present, rule)).map((rule): Action => ({ kind: "forward", op: "insert", rule })),
    ...surplus.map((rule): Action => ({ kind: "forward", op: "del", rule })),
  ];
}

// What was written and how the kernel lists it are kept together: our text is not in the kernel's form.
function natChanges(text: string | undefined, listing: string | undefined, record: RoutesRecord): readonly Action[] {
  if (text === undefined) return listing === undefined ? [] : [{ kind: "nat", text }];
  const same = record.nat?.text === text && record.nat.listing === listing;
  return same ? [] : [{ kind: "nat", text }];
}

function missingRoutes(wanted: readonly IpRoute[], present: readonly IpRoute[]): readonly IpRoute[] {
  return wanted.filter((route) => !present.some((other) => satisfies(other, route)));
}

function stopsFirst(routes: readonly IpRoute[]): readonly Action[] {
  const ordered = [...routes.filter(({ type }) => type === "unreachable"), ...routes.filter(({ type }) => type !== "unreachable")];
  return ordered.map((route): Action => ({ kind: "route", op: "replace", route }));
}

function missingRules(wanted: readonly IpRule[], present: readonly IpRule[]): readonly IpRule[] {
  const there = new Set(present.map(ruleKey));
  return [...wanted].sort((a, b) => a.priority - b.priority).filter((rule) => !there.has(ruleKey(rule)));
}

function staleRules(wanted: readonly IpRule[], present: readonly IpRule[], record: RoutesRecord): readonly IpRule[] {
  const [keep, there] = [new Set(wanted.map(ruleKey)), new Set(present.map(ruleKey))];
  return record.rules.filter((rule) => !keep.has(ruleKey(rule)) && there.has(ruleKey(rule)));
}

// By place: what was replaced since is gone already, and what stands there now may be another's.
function staleRoutes(wanted: readonly IpRoute[], present: readonly IpRoute[], record: RoutesRecord): readonly IpRoute[] {
  const keep = new Set(wanted.map(routePlace));
  return record.routes.filter((route) => !keep.has(routePlace(route))).flatMap((route) => present.filter((other) => satisfies(other, route)).slice(0, 1));
}

function fileChanges(plan: RoutesPlan, own: OwnThings, record: RoutesRecord): readonly Action[] {
  const { names } = plan;
  const moved = record.names !== undefined && record.names !== names?.path;
  return [
    ...(moved ? [{ kind: "file", path: record.names, text: undefined } as const] : []),
    ...(names === undefined || own.names === names.text ? [] : [{ kind: "file", ...names } as const]),
  ];
}
