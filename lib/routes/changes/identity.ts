/** Pure: when two rules or routes are the same to the kernel. */
import type { IpRoute, IpRule } from "../model";

/** Everything about a rule that the kernel distinguishes rules by, as one word. */
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

/** A rule's key and who put it there: two that differ in this alone stand beside each other. */
export function ownRuleKey(rule: IpRule): string {
  return `${ruleKey(rule)} ${rule.protocol}`;
}

/** A route's place: `ip route replace` puts the new one where this is the same. */
export function routePlace({
  family,
  table,
  dst,
  metric,
}: Pick<IpRoute, "family" | "table" | "dst" | "metric">): string {
  return [family, table, dst, metric].join(" ");
}

/** A route's place and where it leads. A lone nexthop's weight says nothing; the order of several does not matter. */
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

/** As `routeKey`, where a wanted nexthop without a device is satisfied by any. */
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

/** Pure: routes found by their place, so that a node with a full table is compared in one pass. */

type Place = Pick<IpRoute, "family" | "table" | "dst" | "metric">;

export interface RouteIndex {
  /** The routes at the place of this one, in their order. */
  at(route: Place): readonly IpRoute[];
  /** Those of them that do what this one is wanted for. */
  like(wanted: IpRoute): readonly IpRoute[];
  /** Whether one of them is wanted for what this one does. */
  wants(present: IpRoute): boolean;
}

/** What satisfies a route is always at its place. */
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
