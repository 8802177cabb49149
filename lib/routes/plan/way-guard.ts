/** Pure: the second half of the guard: no tenant's packet is forwarded by a default route of the node. */
import type { PluginConf } from "../../../conf/types";
import {
  contains,
  formatCidr,
  type Prefix,
  parsePrefix,
  withoutContained,
} from "../../net/address";
import { type Family, familyOf } from "../../net/family";
import { carries } from "../../net/mark";
import type { GuardedWay } from "../guarded-way";
import { chainOf, markMatch, stoppedCounter } from "./nft-words";
import {
  type IpRoute,
  type Nexthop,
  type NodeState,
  type ResolvedGateway,
  type RoutesPlan,
  TABLE_DEFAULT,
  TABLE_MAIN,
} from "../model";

type Hop = Pick<GuardedWay, "family" | "dev" | "via">;

/** A node that has more networks behind its default gateway, as with a whole BGP table, is left without this. */
const MAX_NETWORKS = 2000;

/**
 * What the guard keeps tenants' packets from, where it is in use. The tenants' rules keep them from the node's default
 * routes; the guard does when somebody has deleted the rules (decision 0120).
 */
export function guardedWays(
  conf: PluginConf,
  state: Pick<NodeState, "families" | "routes" | "rules">,
  plan: Pick<RoutesPlan, "routes" | "gateways" | "retired">,
): readonly GuardedWay[] {
  return state.families
    .flatMap((family) => waysOf(conf, state, plan, family))
    .filter(({ stopped }) => stopped.length > 0);
}

/** Chains for our nftables table, and a counter for each mark. Packets that take another way pay for a comparison or two. */
export function wayChains(ways: readonly GuardedWay[]): readonly string[] {
  if (ways.length === 0) return [];
  const marks = ways.flatMap(({ stopped }) => stopped.map(({ mark }) => stoppedCounter(mark)));
  return [
    ...[...new Set(marks)].map((name) => `  counter ${name} { }`),
    ...chainOf("forward", [
      "type filter hook forward priority mangle - 10; policy accept;",
      ...ways.map((way, n) => `${matchOf(way)} jump way${n}`),
    ]),
    ...ways.flatMap(({ family, free, stopped }, n) =>
      chainOf(`way${n}`, [
        ...(free.length === 0
          ? []
          : [`${word(family)} daddr { ${free.map(formatCidr).join(", ")} } return`]),
        ...stopped.map(
          ({ mark, whose }) =>
            `${markMatch(mark)} counter name "${stoppedCounter(mark)}" drop comment "${whose}"`,
        ),
      ]),
    ),
  ];
}

/** A forwarded packet after the kernel's decision where it goes. */
export interface Leaving {
  readonly family: Family;
  readonly dev: string;
  /** undefined: its destination is a neighbour. */
  readonly via: string | undefined;
  readonly destination: string;
  /** All 32 bits. */
  readonly mark: number;
}

/** Whether the guard drops it there. */
export function isStopped(
  ways: readonly GuardedWay[],
  { family, dev, via, destination, mark }: Leaving,
): boolean {
  const host = parsePrefix(destination);
  const way = ways.find(
    (each) =>
      each.family === family &&
      each.dev === dev &&
      (!isCompared(each) || each.via === (via ?? destination)),
  );
  if (way === undefined || host === undefined) return false;
  return (
    !way.free.some((network) => contains(network, host)) &&
    way.stopped.some((each) => carries(mark, each.mark))
  );
}

function waysOf(
  conf: PluginConf,
  { routes, rules }: Pick<NodeState, "routes" | "rules">,
  { routes: planned, gateways, retired }: Pick<RoutesPlan, "routes" | "gateways" | "retired">,
  family: Family,
): readonly GuardedWay[] {
  const excluded = excludedNetworks(conf, rules, family);
  const main = routes.filter(
    (route) => route.family === family && route.table === TABLE_MAIN && route.type === "unicast",
  );
  const stops = new Set(
    planned
      .filter(
        ({ item }) =>
          item.family === family && item.dst === "default" && item.type === "unreachable",
      )
      .map(({ tenant }) => tenant),
  );
  const stopped = (hop: Hop): GuardedWay["stopped"] => [
    ...(conf.tenants ?? [])
      .filter(({ name }) => stops.has(name) && !gateways.some((each) => isHop(each, name, hop)))
      .map(({ name, mark }) => ({ mark, whose: name })),
    ...retired.map(({ stop }) => ({ mark: stop, whose: "a tenant that is gone" })),
  ];
  return defaultHops(routes, family).flatMap((hop) => {
    const free = [...excluded, ...networksBehind(main, hop)];
    if (free.length > MAX_NETWORKS) return [];
    return [{ ...hop, free: setOf(free), stopped: stopped(hop) }];
  });
}

/** The gateways of the node's default routes, each once. */
function defaultHops(routes: readonly IpRoute[], family: Family): readonly Hop[] {
  const hops = routes
    .filter(
      ({ family: of, dst, type, table }) =>
        of === family &&
        dst === "default" &&
        type === "unicast" &&
        (table === TABLE_MAIN || table === TABLE_DEFAULT),
    )
    .flatMap(({ nexthops }) =>
      nexthops.flatMap(({ dev, via }): readonly Hop[] =>
        dev === undefined ? [] : [{ family, dev, via }],
      ),
    );
  const named = new Map(hops.map((hop) => [`${hop.dev} ${hop.via ?? ""}`, hop] as const));
  return [...named].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, hop]) => hop);
}

function isHop({ tenant, dev, via }: ResolvedGateway, name: string, hop: Hop): boolean {
  if (tenant !== name) return false;
  return via === hop.via && (dev === undefined || dev === hop.dev);
}

/** What the main table knows better than by its default route, and sends the same way; and the gateway itself. */
function networksBehind(main: readonly IpRoute[], hop: Hop): readonly Prefix[] {
  const byGateway = isCompared(hop);
  const isSame = (other: Nexthop): boolean =>
    other.dev === hop.dev && (!byGateway || other.via === hop.via);
  const texts = main
    .filter(({ dst, nexthops }) => dst !== "default" && nexthops.some(isSame))
    .map(({ dst }) => dst);
  return [...(byGateway && hop.via !== undefined ? [hop.via] : []), ...texts].flatMap(toPrefix);
}

/** Destinations that are the main table's, or another's, before any tenant's. */
function excludedNetworks(
  { routes: { excludeDestinations, tenantPriority } }: PluginConf,
  rules: NodeState["rules"],
  family: Family,
): readonly Prefix[] {
  const before = rules
    .filter((rule) => rule.family === family && rule.priority < tenantPriority)
    .flatMap(({ to }) => (to === undefined ? [] : [to]));
  return [...excludeDestinations, ...before]
    .flatMap(toPrefix)
    .filter((prefix) => prefix.family === family);
}

/** Sets of nft refuse a network inside another one. In an order that does not depend on the routes'. */
function setOf(networks: readonly Prefix[]): readonly Prefix[] {
  return [...withoutContained(networks)].sort(
    (a, b) => a.length - b.length || (a.bits < b.bits ? -1 : Number(a.bits > b.bits)),
  );
}

function matchOf(hop: Hop): string {
  const { family, dev, via = "" } = hop;
  const leaves = `meta nfproto ipv${family} oifname "${dev}"`;
  return isCompared(hop) ? `${leaves} rt ${word(family)} nexthop ${via}` : leaves;
}

/** Whether the gateway's address is of the packets' family, and so can be compared. */
function isCompared({ family, via }: Hop): boolean {
  return via !== undefined && familyOf(via) === family;
}

function toPrefix(text: string): readonly Prefix[] {
  const prefix = parsePrefix(text);
  return prefix === undefined ? [] : [prefix];
}

function word(family: Family): string {
  return family === 4 ? "ip" : "ip6";
}
