/** Pure: routes of others at the place of ours, which come back when ours go. */
import type { RoutesRecord } from "./record-type";
import { routeKey, routePlace, satisfies } from "./same";
import { TABLE_MAIN, type IpRoute, type NodeState, type RoutesPlan } from "./types";

/** What the plan's routes replace, now or earlier; without what `returningRoutes` brings back. */
export function displacedAfter(plan: RoutesPlan, state: NodeState, record: RoutesRecord): readonly IpRoute[] {
  const kept = record.displaced.filter((route) => isNeeded(route, plan));
  const places = new Set(kept.map(routePlace));
  const fresh = plan.routes.flatMap(({ item }) => {
    if (places.has(routePlace(item)) || state.routes.some((route) => satisfies(route, item))) return [];
    return state.routes.filter((route) => routePlace(route) === routePlace(item) && !isRecorded(route, record)).slice(0, 1);
  });
  return [...kept, ...fresh];
}

/**
 * The displaced routes whose place a plan does not need any more. A place where others have put
 * something since is theirs, and a device that is gone or down takes no route.
 */
export function returningRoutes(plan: Pick<RoutesPlan, "rules" | "routes">, state: NodeState, record: RoutesRecord): readonly IpRoute[] {
  const usable = new Set(state.links.filter(({ up }) => up).map(({ name }) => name));
  return record.displaced.filter((route) => {
    const present = state.routes.filter((other) => routePlace(other) === routePlace(route));
    const free = present.every((other) => isRecorded(other, record) && routeKey(other) !== routeKey(route));
    return free && !isNeeded(route, plan) && route.nexthops.every(({ dev }) => dev === undefined || usable.has(dev));
  });
}

// A tenant's table is the tenant's also while no gateway of it works: what others had in it would be a leak.
function isNeeded(route: IpRoute, { rules, routes }: Pick<RoutesPlan, "rules" | "routes">): boolean {
  const table = route.table !== TABLE_MAIN && rules.some(({ item }) => item.family === route.family && item.table === route.table);
  return table || routes.some(({ item }) => routePlace(item) === routePlace(route));
}

function isRecorded(route: IpRoute, record: RoutesRecord): boolean {
  return record.routes.some((ours) => satisfies(route, ours));
}
