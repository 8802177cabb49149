/** Pure: the routes of a tenant's table. */
import type { Tenant } from "../../../conf/types";
import { canonicalAddress } from "../../net/address";
import type { Family } from "../../net/family";
import {
  type IpRoute,
  type Nexthop,
  type Planned,
  PROTOCOL_KERNEL,
  type ResolvedGateway,
  WORST_METRIC,
} from "../model";
import { destinationsOf, gatewaysOfWay, type Way, waysOf } from "./ways";

/** A tenant with a table, and so with routes. */
export type RoutedTenant = Tenant & { readonly table: number };

/** Behind a way's own gateways (0 or 1024), before its stop. */
const FALLBACK_METRIC = 2048;

/**
 * What of a family stops when nothing leads there: `default`, or the networks with gateways of their own where
 * everything else falls back to the node's default route.
 */
export function stoppedNetworks(
  tenant: RoutedTenant,
  family: Family,
  gateways: readonly ResolvedGateway[],
): readonly string[] {
  const [own, ...others] = waysOf(tenant);
  return own !== undefined && stops(own, inFamily(ownGateways(gateways, tenant), family))
    ? ["default"]
    : others.flatMap((way) => destinationsOf(way, family));
}

/** Every route of the table in one family, of all ways; `all` are the gateways of all tenants. */
export function tenantRoutes(
  tenant: RoutedTenant,
  family: Family,
  all: readonly ResolvedGateway[],
): readonly Planned<IpRoute>[] {
  const mine = inFamily(all, family).filter((gateway) => gateway.tenant === tenant.name);
  const own = ownGateways(mine, tenant);
  const base = { family, table: tenant.table, protocol: PROTOCOL_KERNEL } as const;
  const routes = waysOf(tenant).flatMap((way) =>
    destinationsOf(way, family).flatMap((dst) =>
      wayRoutes(
        way,
        { ...base, dst },
        { gateways: gatewaysOfWay(mine, { tenant: tenant.name, to: way.to }), own, tenant },
      ),
    ),
  );
  return [
    ...routes.map(([item, why]) => ({ item, tenant: tenant.name, why })),
    ...checkRoutes(mine, base).map(([item, why]) => ({ item, tenant: tenant.name, why })),
  ];
}

type Explained = readonly [item: IpRoute, why: string];

/** Those of the tenant's own way. */
function ownGateways(
  gateways: readonly ResolvedGateway[],
  { name: tenant }: RoutedTenant,
): readonly ResolvedGateway[] {
  return gatewaysOfWay(gateways, { tenant });
}

function inFamily(
  gateways: readonly ResolvedGateway[],
  family: Family,
): readonly ResolvedGateway[] {
  return gateways.filter((gateway) => gateway.family === family);
}

/**
 * A family without any gateway is stopped, so that it is no way round the other. What falls back to the tenant's own
 * gateways has a stop behind these, because only the tenant's own way may lead to the node's default route.
 */
function stops({ onGatewayLoss, to }: Way, gateways: readonly ResolvedGateway[]): boolean {
  return onGatewayLoss === "stop" || to !== undefined || gateways.length === 0;
}

/** The last one first: the kernel takes the one with the smallest metric. */
function wayRoutes(
  way: Way,
  base: Pick<IpRoute, "family" | "table" | "protocol" | "dst">,
  {
    gateways,
    own,
    tenant,
  }: {
    readonly gateways: readonly ResolvedGateway[];
    /** Those of the tenant's own way. */
    readonly own: readonly ResolvedGateway[];
    readonly tenant: RoutedTenant;
  },
): readonly Explained[] {
  const { family } = base;
  const routes: Explained[] = [];
  if (stops(way, gateways)) {
    const why =
      gateways.length === 0
        ? `no IPv${family} gateway: stop`
        : "behind the gateways: a lost one is a stop, never a leak";
    const stop = { ...base, type: "unreachable", metric: WORST_METRIC, nexthops: [] } as const;
    routes.push([stop, why]);
  }
  const by = (
    hops: readonly ResolvedGateway[],
    metric: number,
    mtu: number | undefined,
  ): IpRoute => ({
    ...{ ...base, type: "unicast", metric, nexthops: hops.map(nexthopOf) },
    ...(mtu === undefined ? {} : { mtu }),
  });
  const [usable, fallback] = [usableOf(gateways), usableOf(own)];
  if (way.to !== undefined && way.onGatewayLoss === "fallback" && fallback.length > 0)
    routes.push([
      by(fallback, FALLBACK_METRIC, tenant.mtu),
      "behind them: the tenant's own gateways",
    ]);
  if (usable.length > 0)
    routes.push([
      by(usable, defaultMetric(family), way.mtu),
      way.to === undefined ? "by its gateways" : "by gateways of their own",
    ]);
  return routes;
}

function usableOf(gateways: readonly ResolvedGateway[]): readonly ResolvedGateway[] {
  return gateways.filter(({ unusable }) => unusable === undefined);
}

// They stay while the gateway is out, because its return is noticed by them. One gateway of several ways has one.
function checkRoutes(
  gateways: readonly ResolvedGateway[],
  base: Pick<IpRoute, "family" | "table" | "protocol">,
): readonly Explained[] {
  const routes = gateways.flatMap((gateway): readonly IpRoute[] => {
    const { check, dev } = gateway;
    if (
      check === undefined ||
      dev === undefined ||
      (gateway.unusable !== undefined && gateway.unusable !== "failed")
    )
      return [];
    const dst = canonicalAddress(check);
    if (dst === gateway.via) return [];
    const nexthops = [{ ...nexthopOf(gateway), weight: 1 }];
    return [{ ...base, dst, type: "unicast", metric: defaultMetric(base.family), nexthops }];
  });
  const once = new Map(routes.map((route) => [route.dst, route]));
  return [...once.values()].map((route) => [route, "address that tells whether the gateway works"]);
}

function nexthopOf({ via, dev, weight }: ResolvedGateway): Nexthop {
  return { ...(via === undefined ? {} : { via }), ...(dev === undefined ? {} : { dev }), weight };
}

/** The metric that the kernel gives a route without one. */
export function defaultMetric(family: Family): number {
  return family === 4 ? 0 : 1024;
}
