/** Pure: which rule of `ip rule` and which route decide about a packet (ip-rule(8)). */
import { parsePrefix } from "../net/address";
import type { Family } from "../net/family";
import { carries } from "../net/mark";
import { isIn } from "../routes/plan/desired";
import type { IpRoute, IpRule, NodeState } from "../routes/model";

/** A packet that looks for its way. */
export interface Lookup {
  readonly family: Family;
  readonly from: string | undefined;
  readonly to: string;
  readonly iif: string | undefined;
  readonly mark: number;
}

/** What decided; `route` undefined: the rule itself refuses. */
export interface Decided {
  readonly rule: IpRule;
  readonly route: IpRoute | undefined;
}

/** The first rule whose table knows a way, or that refuses; undefined: no rule decides. */
export function lookUp(
  state: Pick<NodeState, "rules" | "routes">,
  packet: Lookup,
): Decided | undefined {
  for (const rule of state.rules) {
    if (rule.family !== packet.family || !selects(rule, packet)) continue;
    if (rule.unreachable === true) return { rule, route: undefined };
    const route = rule.table === undefined ? undefined : bestRoute(state.routes, rule, packet);
    if (route !== undefined && route.type !== "throw") return { rule, route };
  }
  return undefined;
}

/** Whether the rule's selectors match; one that is not known counts as one that does not. */
export function selects(rule: IpRule, { from, to, iif, mark }: Lookup): boolean {
  const { other, fwmark } = rule;
  const matches =
    matchesNetwork(rule.from, from) &&
    matchesNetwork(rule.to, to) &&
    (fwmark === undefined || carries(mark, fwmark));
  if (other !== undefined && other !== `iif ${iif ?? "lo"}`) return false;
  return matches !== (rule.not === true);
}

function matchesNetwork(network: string | undefined, address: string | undefined): boolean {
  if (network === undefined || network === "default") return true;
  return address !== undefined && isIn(network, address);
}

/** The longest prefix, then the least metric, of those that the rule does not pass over. */
function bestRoute(
  routes: readonly IpRoute[],
  { table, suppressPrefixLength = -1 }: IpRule,
  { family, to }: Lookup,
): IpRoute | undefined {
  const [best] = routes
    .filter((route) => route.table === table && route.family === family && isIn(route.dst, to))
    .sort((a, b) => lengthOf(b) - lengthOf(a) || a.metric - b.metric);
  return best !== undefined && lengthOf(best) > suppressPrefixLength ? best : undefined;
}

function lengthOf({ dst }: IpRoute): number {
  return dst === "default" ? 0 : (parsePrefix(dst)?.length ?? 0);
}
