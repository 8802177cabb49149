/** Pure: foreign routes that ours displace, and that come back when ours go. */
import {
  type IpRoute,
  type NodeState,
  type RoutesPlan,
  type RoutesRecord,
  TABLE_MAIN,
  UNKNOWN_DESTINATION,
} from "../model";
import { quotedRoute } from "../text";
import { indexRoutes, routeKey, routePlace } from "./identity";

/**
 * The routes that the plan's routes displace or have displaced, without those of `returningRoutes`.
 */
export function displacedAfter(
  plan: RoutesPlan,
  state: NodeState,
  record: RoutesRecord,
): readonly IpRoute[] {
  const kept = record.displaced.filter((route) => isNeeded(route, plan));
  const places = new Set(kept.map(routePlace));
  const [present, ours] = [indexRoutes(state.routes), indexRoutes(record.routes)];
  const fresh = plan.routes.flatMap(({ item }) => {
    if (places.has(routePlace(item)) || present.like(item).length > 0) return [];
    return present
      .at(item)
      .filter((route) => !ours.wants(route))
      .slice(0, 1);
  });
  return [...kept, ...fresh];
}

/**
 * Why the plan must not be carried out: it would displace a route that could not be put back.
 * undefined: it may be.
 */
export function irreplaceable(
  plan: RoutesPlan,
  state: NodeState,
  record: RoutesRecord,
): string | undefined {
  const tables = new Set(
    plan.routes.flatMap(({ item }) => (item.table === TABLE_MAIN ? [] : [item.table])),
  );
  const nowhere = state.routes.filter(
    ({ table, dst }) => tables.has(table) && dst === UNKNOWN_DESTINATION,
  );
  const route = [...displacedAfter(plan, state, record), ...nowhere].find(
    ({ lossy }) => lossy === true,
  );
  if (route === undefined) return undefined;
  return `${quotedRoute(route)} is where a route of ours has to be, and has properties with which remove could not put it back: move it to another table, or delete it`;
}

/**
 * The displaced routes whose place the plan does not need any more. A foreign route that is there
 * by now stays, and a device that is gone or down takes no route.
 */
export function returningRoutes(
  plan: Pick<RoutesPlan, "rules" | "routes">,
  state: NodeState,
  record: RoutesRecord,
): readonly IpRoute[] {
  const usable = new Set(state.links.filter(({ up }) => up).map(({ name }) => name));
  const [present, ours] = [indexRoutes(state.routes), indexRoutes(record.routes)];
  return record.displaced.filter((route) => {
    const free = present
      .at(route)
      .every((other) => ours.wants(other) && routeKey(other) !== routeKey(route));
    return (
      free &&
      !isNeeded(route, plan) &&
      route.nexthops.every(({ dev }) => dev === undefined || usable.has(dev))
    );
  });
}

// A tenant without a working gateway still needs its table: a foreign route in it would be a leak.
function isNeeded(
  route: IpRoute,
  { rules, routes }: Pick<RoutesPlan, "rules" | "routes">,
): boolean {
  const table =
    route.table !== TABLE_MAIN &&
    rules.some(({ item }) => item.family === route.family && item.table === route.table);
  return table || routes.some(({ item }) => routePlace(item) === routePlace(route));
}
