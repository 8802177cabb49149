/** Pure: routes of the main table that refuse most of the world. */
import { broadLength } from "./broad-routes";
import { quotedRoute } from "../quoted";
import { TABLE_MAIN, type Finding, type IpRoute, type NodeState, type RoutesPlan } from "../model";

/** Behind the kernel's own rules for the tables main (32766) and default (32767). */
const LAST_PRIORITY = 32768;
const REFUSALS: readonly IpRoute["type"][] = ["unreachable", "blackhole", "prohibit"];

/**
 * `suppress_prefixlength` passes over routes that lead somewhere; one that refuses ends the search
 * (fib_rules_lookup() asks about suppression only when the table gave no error). So the rule that
 * keeps local traffic local would refuse the tenants' packets too.
 */
export function refusingRoutes(
  plan: RoutesPlan,
  { families, routes }: NodeState,
): readonly Finding[] {
  const routed = families.filter((family) =>
    plan.rules.some(({ item, tenant }) => item.family === family && tenant !== undefined),
  );
  const main = routes.filter(
    (route) =>
      route.table === TABLE_MAIN &&
      routed.includes(route.family) &&
      broadLength(route) !== undefined,
  );
  return main
    .filter(({ type }) => REFUSALS.includes(type))
    .map((route): Finding => {
      const better = main.some(
        (other) =>
          other.family === route.family &&
          other.dst === route.dst &&
          other.metric < route.metric &&
          !REFUSALS.includes(other.type),
      );
      const when = better ? "once the better routes beside it are gone, because" : "because";
      const text = `the main table has ${quotedRoute(route)}, which takes the tenants' packets too ${when} no rule passes over a route that refuses: delete it; to refuse what has no route, have "ip -${route.family} rule add pref ${LAST_PRIORITY} ${route.type}" instead`;
      return { kind: better ? "main-may-refuse" : "main-refuses", tenant: undefined, text };
    });
}
