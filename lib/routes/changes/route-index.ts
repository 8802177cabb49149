/** Pure: routes found by their place, so that a node with a full table is compared in one pass. */
import { routePlace, satisfies } from "./identity";
import type { IpRoute } from "../model";

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
