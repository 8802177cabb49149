/** Pure: the record of the changes, from which they can be undone. */
import {
  type IpRule,
  type NodeState,
  PROTOCOL_KERNEL,
  type RoutesPlan,
  type RoutesRecord,
} from "../model";
import { joinLinks } from "../links/changes";
import { tableText } from "../plan/nft-table";
import type { DiffInput } from "./changes";
import { displacedAfter } from "./displaced";
import { routeKey, routePlace, ruleKey } from "./identity";
import { sysctlsAfter } from "./sysctls";

/** The record once the plan is carried out on a node that was as `record` and `state` say. */
export function recordAfter({ plan, links, state, own, record, sysctl }: DiffInput): RoutesRecord {
  const text = tableText(plan);
  return {
    rules: ownRules(plan, state, record),
    routes: plan.routes.map(({ item }) => item),
    displaced: displacedAfter(plan, state, record),
    sysctls: sysctl ? sysctlsAfter(plan, state, record.sysctls) : record.sysctls,
    forward: own.forwardError === undefined ? plan.forward.map(({ item }) => item) : record.forward,
    nat:
      text === undefined
        ? undefined
        : { text, listing: record.nat?.text === text ? record.nat.listing : "" },
    names: plan.names?.path,
    directories:
      plan.names === undefined
        ? record.directories
        : [...new Set([...record.directories, ...own.absent(parentOf(plan.names.path))])],
    links: links.own.map(({ spec }) => spec),
  };
}

// A foreign rule that does the same was there before, and stays when ours go.
function ownRules(plan: RoutesPlan, state: NodeState, record: RoutesRecord): readonly IpRule[] {
  const recorded = new Set(record.rules.map(ruleKey));
  const others = new Set(
    state.rules.filter(({ protocol }) => protocol !== PROTOCOL_KERNEL).map(ruleKey),
  );
  const ours = new Set(
    state.rules.filter(({ protocol }) => protocol === PROTOCOL_KERNEL).map(ruleKey),
  );
  return plan.rules
    .map(({ item }) => item)
    .filter(
      (rule) =>
        recorded.has(ruleKey(rule)) || ours.has(ruleKey(rule)) || !others.has(ruleKey(rule)),
    );
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/**
 * Everything in either record: what has to be undone when carrying out the changes ends half-way.
 */
export function joinRecords(a: RoutesRecord, b: RoutesRecord): RoutesRecord {
  const once = <T>(items: readonly T[], key: (item: T) => string): readonly T[] => [
    ...new Map(items.map((item) => [key(item), item])).values(),
  ];
  return {
    ...b,
    rules: once([...a.rules, ...b.rules], ruleKey),
    routes: once([...a.routes, ...b.routes], routeKey),
    displaced: once([...b.displaced, ...a.displaced], routePlace),
    sysctls: { ...a.sysctls, ...b.sysctls },
    forward: once([...a.forward, ...b.forward], ({ family, spec }) => `${family} ${spec}`),
    nat: b.nat ?? a.nat,
    names: b.names ?? a.names,
    directories: [...new Set([...a.directories, ...b.directories])],
    links: joinLinks(a.links, b.links),
  };
}
