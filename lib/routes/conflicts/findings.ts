/** Pure: what keeps the routes from working as the operator expects, though nothing is refused for it. */
import type { PluginConf } from "../../../conf/types";
import { broadLength, leadsEverywhere, leadsFar, refusingRoutes } from "./broad-routes";
import { type RoutedTenant, routedTenants } from "../plan/desired";
import { mtuFindings } from "./mtu-findings";
import { retiredMarkText } from "../plan/retired-marks";
import { listText, quotedRoute, quotedRule, sysctlName } from "../text";
import { ruleKey } from "../changes/identity";
import {
  type Finding,
  type FindingKind,
  type IpRoute,
  type IpRule,
  type NodeState,
  type Planned,
  type ResolvedGateway,
  type RoutesPlan,
  TABLE_LOCAL,
  TABLE_MAIN,
  type WantedSysctl,
} from "../model";

export interface FindingInput {
  readonly conf: PluginConf;
  readonly plan: RoutesPlan;
  readonly state: NodeState;
}

/** `rtnetlink`'s RTPROT_RA: the kernel made the route from a router advertisement. */
const PROTOCOL_RA = 9;
const ALL_RP_FILTER = "net/ipv4/conf/all/rp_filter";
const FORWARDING6 = "net/ipv6/conf/all/forwarding";

/** Every finding, each once. */
export function findFindings({ conf, plan, state }: FindingInput): readonly Finding[] {
  const findings = [
    ...plan.gateways.flatMap(gatewayFinding),
    ...routedTenants(conf)
      .filter(({ gateways }) => gateways.length === 0)
      .map(noGateway),
    ...plan.retired.map((retired): Finding => ({
      kind: "mark-without-tenant",
      tenant: undefined,
      text: retiredMarkText(retired),
    })),
    ...plan.sysctls.flatMap((wanted) => sysctlFinding(wanted, state)),
    ...noDefaultRoute(plan, state),
    ...halfDefaults(plan, state),
    ...refusingRoutes(plan, state),
    ...rulesBefore(plan, state),
    ...advertisedDefaults(plan, state),
    ...mtuFindings(conf, plan, state),
  ];
  return [...new Map(findings.map((finding) => [finding.text, finding])).values()];
}

function gatewayFinding({
  tenant,
  family,
  via,
  dev,
  unusable,
}: ResolvedGateway): readonly Finding[] {
  if (unusable === undefined) return [];
  const name = `gateway ${[via ?? `IPv${family}`, ...(dev === undefined ? [] : [`dev ${dev}`])].join(" ")} of tenant ${tenant}`;
  const [kind, text] = gatewayText(unusable, dev ?? "", via ?? "");
  return [{ kind, tenant, text: `${name} ${text}` }];
}

function noGateway({ name, table }: RoutedTenant): Finding {
  const text = `tenant ${name} has table ${table} and no gateways, so its packets beyond the cluster are stopped: list its "gateways"; or, where a router behind the node tells it apart, leave out its "table", and set that of the router's uplink`;
  return { kind: "no-gateway", tenant: name, text };
}

function gatewayText(
  unusable: NonNullable<ResolvedGateway["unusable"]>,
  dev: string,
  via: string,
): readonly [FindingKind, string] {
  switch (unusable) {
    case "device-missing":
      return [
        "device-missing",
        `is left out because this node has no interface ${dev}: make it, or correct "dev"`,
      ];
    case "device-down":
      return ["device-down", `is left out because ${dev} is down: ip link set ${dev} up`];
    case "own-address":
      return [
        "gateway-own-address",
        `is left out because ${via} is an address of this node, which cannot be its own gateway: correct "via", or keep the tenant's pods off this node`,
      ];
    case "off-link":
      return dev === ""
        ? [
            "gateway-off-link",
            `is left out because no connected route leads to ${via}: give an interface an address in its network, or name the interface as "dev"`,
          ]
        : [
            "gateway-off-link",
            `is left out because ${dev} has no connected route to ${via}: give ${dev} an address in its network, or correct "via" or "dev"`,
          ];
    case "failed":
      return [
        "gateway-failed",
        "is left out because it does not answer: see ip neigh and the gateway itself; it is taken back when it answers",
      ];
  }
}

function sysctlFinding(
  { item, tenant, why }: Planned<WantedSysctl>,
  state: NodeState,
): readonly Finding[] {
  const now = state.sysctl(item.path);
  if (now === undefined || now === item.value || item.also.includes(now)) return [];
  const change = `apply --sysctl sets ${sysctlName(item.path)} to ${item.value}`;
  if (!item.path.endsWith("/rp_filter")) {
    const text = `${sysctlName(item.path)} is ${now}, so the node drops what it should send on (${why}): ${change}`;
    return [{ kind: "forwarding-off", tenant, text }];
  }
  const dev = item.path.split("/").at(-2) ?? "";
  // src_valid_mark is no way out: without a rule that puts the connection's mark on replies, they have none.
  const text = `the reverse-path filter on ${dev} is strict (the larger of ${now} on ${dev} and ${state.sysctl(ALL_RP_FILTER) ?? "0"} on all), so every reply that comes in there is dropped: ${change}`;
  return [{ kind: "strict-rp-filter", tenant, text }];
}

/** Loose filtering wants a route to the sender, whatever its interface, and replies come from anywhere. */
function noDefaultRoute({ gateways }: RoutesPlan, state: NodeState): readonly Finding[] {
  const filtered = [
    ...new Set(
      gateways
        .filter(({ family }) => family === 4)
        .flatMap(({ dev }) => (dev === undefined ? [] : [dev])),
    ),
  ].filter((dev) =>
    [ALL_RP_FILTER, `net/ipv4/conf/${dev}/rp_filter`].some(
      (path) => !["0", undefined].includes(state.sysctl(path)),
    ),
  );
  if (
    filtered.length === 0 ||
    leadsEverywhere(
      state.routes.filter(({ table, family }) => table === TABLE_MAIN && family === 4),
    )
  )
    return [];
  const text = `the main table has no IPv4 default route, so even the loose reverse-path filter on ${listText(filtered, 3)} drops replies from the internet: give the node a default route, or set rp_filter of ${listText(filtered, 3)} and of all to 0`;
  return [{ kind: "no-default-route", tenant: undefined, text }];
}

function halfDefaults(plan: RoutesPlan, { families, routes }: NodeState): readonly Finding[] {
  return families
    .filter((family) =>
      plan.rules.some(({ item, tenant }) => item.family === family && tenant !== undefined),
    )
    .flatMap((family): readonly Finding[] => {
      const halves = routes.filter(
        (route) => route.family === family && route.table === TABLE_MAIN && isHalf(route),
      );
      if (halves.length === 0) return [];
      const text = `the main table has ${listText(halves.map(quotedRoute), 2)}, as VPN clients make them in place of a default route; they come before the tenants' tables, so tenants' packets take them: let the VPN client put its routes in a table of its own, or name its interface as a tenant's gateway`;
      return [{ kind: "half-default", tenant: undefined, text }];
    });
}

function isHalf(route: IpRoute): boolean {
  const length = broadLength(route);
  return route.type === "unicast" && length !== undefined && length > 0;
}

function rulesBefore(plan: RoutesPlan, state: NodeState): readonly Finding[] {
  const ours = new Set(plan.rules.map(({ item }) => ruleKey(item)));
  const last = plan.rules.filter(({ tenant }) => tenant !== undefined).map(({ item }) => item);
  const before = state.rules.filter(
    (rule) =>
      !ours.has(ruleKey(rule)) &&
      last.some(({ family, priority }) => family === rule.family && rule.priority < priority),
  );
  return before
    .filter((rule) => takesAnything(rule) && leadsAway(rule, state))
    .map((rule) => {
      const text = `the rule ${quotedRule(rule)} comes before the tenants' rules and takes their packets too: move it behind ${Math.max(...last.map(({ priority }) => priority))}, or narrow it by from, to or fwmark`;
      return { kind: "rule-before", tenant: undefined, text };
    });
}

/** No selector, or one that leaves almost everything: `not`. */
function takesAnything({ not, from, to, fwmark, other }: IpRule): boolean {
  if (other !== undefined) return false;
  return (
    not !== undefined ||
    [from, to, fwmark].every((selector) => selector === undefined || selector === "default")
  );
}

function leadsAway(
  { family, table, suppressPrefixLength }: IpRule,
  { routes }: NodeState,
): boolean {
  if (table === undefined || table === TABLE_LOCAL) return false;
  if (table === TABLE_MAIN && suppressPrefixLength !== undefined) return false;
  return routes.some(
    (route) =>
      route.table === table &&
      route.family === family &&
      leadsFar(route, suppressPrefixLength ?? -1),
  );
}

/**
 * With forwarding on, the kernel ignores router advertisements, and drops the default routes that it
 * has from them, unless accept_ra is 2 (ip-sysctl.rst). Where it is 0, another program made the route.
 */
function advertisedDefaults({ sysctls }: RoutesPlan, state: NodeState): readonly Finding[] {
  if (!sysctls.some(({ item }) => item.path === FORWARDING6)) return [];
  const routes = state.routes.filter(
    ({ family, table, dst, protocol }) =>
      family === 6 && table === TABLE_MAIN && dst === "default" && protocol === PROTOCOL_RA,
  );
  const devices = new Set(
    routes.flatMap(({ nexthops }) =>
      nexthops.flatMap(({ dev }) => (dev === undefined ? [] : [dev])),
    ),
  );
  return [...devices]
    .filter((dev) => state.sysctl(`net/ipv6/conf/${dev}/accept_ra`) === "1")
    .map((dev) => {
      const text = `the IPv6 default route on ${dev} is from router advertisements, which the kernel ignores once IPv6 forwarding is on, so the route goes: set ${sysctlName(`net/ipv6/conf/${dev}/accept_ra`)} to 2`;
      return { kind: "ra-default", tenant: undefined, text };
    });
}
