/** Pure: when two rules or routes are the same to the kernel. */
import type { IpRoute, IpRule } from "../model";

/** A key of everything by which the kernel tells rules apart. */
export function ruleKey(rule: IpRule): string {
  const {
    family,
    priority,
    not,
    from,
    to,
    fwmark,
    table,
    unreachable,
    suppressPrefixLength,
    other,
  } = rule;
  const mark = fwmark === undefined ? "" : `${fwmark.value}/${fwmark.mask}`;
  return [
    family,
    priority,
    not ?? "",
    from ?? "",
    to ?? "",
    mark,
    table ?? unreachable ?? "",
    suppressPrefixLength ?? "",
    other ?? "",
  ].join(" ");
}

/**
 * A rule's key with its protocol: two rules that differ in this alone can exist beside each other.
 */
export function ownRuleKey(rule: IpRule): string {
  return `${ruleKey(rule)} ${rule.protocol}`;
}

/** A key of a route's place: `ip route replace` replaces the route with the same one. */
export function routePlace({
  family,
  table,
  dst,
  metric,
}: Pick<IpRoute, "family" | "table" | "dst" | "metric">): string {
  return [family, table, dst, metric].join(" ");
}

/**
 * A key of a route's place and of where it leads. A lone next hop's weight, and the order of
 * several, do not matter.
 */
export function routeKey(route: IpRoute): string {
  const { nexthops, type, protocol, mtu, other } = route;
  const hops =
    type === "unicast"
      ? nexthops.map(({ via, dev, weight }) =>
          [via ?? "", dev ?? "", nexthops.length === 1 ? 1 : weight].join(","),
        )
      : [];
  return [routePlace(route), type, protocol, mtu ?? "", other ?? "", ...hops.sort()].join(" ");
}

/**
 * Whether `present` does what `wanted` is for: the same key, where a next hop without a device
 * accepts any.
 */
export function satisfies(present: IpRoute, wanted: IpRoute): boolean {
  const known = wanted.nexthops.every(({ dev }) => dev !== undefined);
  if (known) return routeKey(present) === routeKey(wanted);
  const anyDevice = (route: IpRoute): IpRoute => ({
    ...route,
    nexthops: route.nexthops.map(({ via, weight }) => ({
      ...(via === undefined ? {} : { via }),
      weight,
    })),
  });
  return routeKey(anyDevice(present)) === routeKey(anyDevice(wanted));
}

type Place = Pick<IpRoute, "family" | "table" | "dst" | "metric">;

/** Routes by their place, so that a node with a full table is compared in one pass. */
export interface RouteIndex {
  /** The routes at this place, in their order. */
  at(route: Place): readonly IpRoute[];
  /** The routes that satisfy this one. */
  like(wanted: IpRoute): readonly IpRoute[];
  /** Whether this one satisfies any of the routes. */
  wants(present: IpRoute): boolean;
}

/** Indexes `routes`. A route that satisfies another is always at its place. */
export function indexRoutes(routes: readonly IpRoute[]): RouteIndex {
  const places = new Map<string, IpRoute[]>();
  for (const route of routes) {
    const place = routePlace(route);
    const there = places.get(place);
    if (there === undefined) places.set(place, [route]);
    else there.push(route);
  }
  const at = (route: Place): readonly IpRoute[] => places.get(routePlace(route)) ?? [];
  return {
    at,
    like: (wanted) => at(wanted).filter((route) => satisfies(route, wanted)),
    wants: (present) => at(present).some((route) => satisfies(present, route)),
  };
}
