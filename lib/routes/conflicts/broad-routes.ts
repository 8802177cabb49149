/** Pure: default routes, and others that lead to half the world or more. */
import { contains, parsePrefix, type Prefix } from "../../net/address";
import { type IpRoute, type NodeState, type RoutesPlan, TABLE_MAIN } from "../model";
import type { Finding } from "./kinds";

/** All global IPv6 addresses are in one /3, so a route to it is as good as a default route. */
const BROADEST = { 4: 1, 6: 3 } as const;
const HALVES: readonly string[] = ["0.0.0.0/1", "128.0.0.0/1"];

/**
 * The prefix length of a route that leads to half the world or more (0 for a default route);
 * undefined for any other.
 */
export function broadLength({ family, dst }: Pick<IpRoute, "family" | "dst">): number | undefined {
  const length = dst === "default" ? 0 : parsePrefix(dst)?.length;
  return length === undefined || length > BROADEST[family] ? undefined : length;
}

/**
 * True for a broad route that a rule with this suppress_prefixlength (-1: none) does not suppress.
 */
export function leadsFar(route: IpRoute, suppressed: number): boolean {
  const length = broadLength(route);
  return length !== undefined && length > suppressed;
}

/** True when these IPv4 routes cover every address: a default route, or both halves. */
export function leadsEverywhere(routes: readonly IpRoute[]): boolean {
  const usable = routes.filter(({ type }) => type === "unicast");
  const networks = usable
    .map(({ dst }) => parsePrefix(dst))
    .filter((network): network is Prefix => network !== undefined);
  const covered = HALVES.map(parsePrefix).every(
    (half) => half !== undefined && networks.some((network) => contains(network, half)),
  );
  return covered || usable.some(({ dst }) => dst === "default");
}

const REFUSALS: readonly IpRoute["type"][] = ["unreachable", "blackhole", "prohibit"];

/**
 * Broad routes of the main table that refuse. `suppress_prefixlength` skips routes that lead
 * somewhere, but one that refuses ends the search (fib_rules_lookup() checks for suppression only
 * when the table gave no error). So the rule that keeps local traffic local would refuse the
 * tenants' packets too.
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
      return { kind: better ? "main-may-refuse" : "main-refuses", tenant: undefined, route };
    });
}
