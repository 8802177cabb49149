/**
 * Pure: what keeps the routes from working as the operator expects; nothing is refused because of
 * it.
 */
import type { PluginConf } from "../../../conf/types";
import { broadLength, leadsEverywhere, leadsFar, refusingRoutes } from "./broad-routes";
import { routedTenants } from "../plan/desired";
import type { Finding } from "./kinds";
import { mtuFindings } from "./mtu-findings";
import { findingText } from "./text";
import { ruleKey } from "../changes/identity";
import {
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

/** RTPROT_RA (rtnetlink): the kernel made the route from a router advertisement. */
const PROTOCOL_RA = 9;
const ALL_RP_FILTER = "net/ipv4/conf/all/rp_filter";
const FORWARDING6 = "net/ipv6/conf/all/forwarding";

/** Every finding, each once. */
export function findFindings({ conf, plan, state }: FindingInput): readonly Finding[] {
  const findings = [
    ...plan.gateways.flatMap(gatewayFinding),
    ...routedTenants(conf)
      .filter(({ gateways }) => gateways.length === 0)
      .map(({ name, table, routes }): Finding => ({
        ...{ kind: "no-gateway", tenant: name, table },
        ...(routes.length === 0 ? {} : { hasRoutes: true }),
      })),
    ...plan.retired.map((retired): Finding => ({
      kind: "mark-without-tenant",
      tenant: undefined,
      retired,
    })),
    ...plan.sysctls.flatMap((wanted) => sysctlFinding(wanted, state)),
    ...noDefaultRoute(plan, state),
    ...halfDefaults(plan, state),
    ...refusingRoutes(plan, state),
    ...rulesBefore(plan, state),
    ...advertisedDefaults(plan, state),
    ...mtuFindings(conf, plan, state),
  ];
  return [...new Map(findings.map((finding) => [findingText(finding), finding])).values()];
}

const UNUSABLE = {
  "device-missing": "device-missing",
  "device-down": "device-down",
  "own-address": "gateway-own-address",
  "off-link": "gateway-off-link",
  failed: "gateway-failed",
} as const;

function gatewayFinding(gateway: ResolvedGateway): readonly Finding[] {
  const { unusable, tenant } = gateway;
  return unusable === undefined ? [] : [{ kind: UNUSABLE[unusable], tenant, gateway }];
}

function sysctlFinding(
  { item: { path, value, also }, tenant, why }: Planned<WantedSysctl>,
  state: NodeState,
): readonly Finding[] {
  const have = state.sysctl(path);
  if (have === undefined || have === value || also.includes(have)) return [];
  const setting = { tenant, path, have, want: value };
  if (!path.endsWith("/rp_filter")) return [{ ...setting, kind: "forwarding-off", why }];
  const dev = path.split("/").at(-2) ?? "";
  // src_valid_mark does not help: replies carry no mark, unless a rule copies the connection's.
  const all = state.sysctl(ALL_RP_FILTER) ?? "0";
  return [{ ...setting, kind: "strict-rp-filter", dev, all }];
}

/** Loose filtering needs a route to the sender by any interface, and replies come from anywhere. */
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
  return [{ kind: "no-default-route", tenant: undefined, devices: filtered }];
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
      return halves.length === 0
        ? []
        : [{ kind: "half-default", tenant: undefined, routes: halves }];
    });
}

function isHalf(route: IpRoute): boolean {
  const length = broadLength(route);
  return route.type === "unicast" && length !== undefined && length > 0;
}

function rulesBefore(plan: RoutesPlan, state: NodeState): readonly Finding[] {
  const ours = new Set(plan.rules.map(({ item }) => ruleKey(item)));
  const last = plan.rules.filter(({ tenant }) => tenant !== undefined).map(({ item }) => item);
  const behind = Math.max(...last.map(({ priority }) => priority));
  const before = state.rules.filter(
    (rule) =>
      !ours.has(ruleKey(rule)) &&
      last.some(({ family, priority }) => family === rule.family && rule.priority < priority),
  );
  return before
    .filter((rule) => takesAnything(rule) && leadsAway(rule, state))
    .map((rule): Finding => ({ kind: "rule-before", tenant: undefined, rule, behind }));
}

/** True without a selector, or with `not`, which leaves almost everything. */
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
 * With forwarding on, the kernel ignores router advertisements and drops the default routes that it
 * has from them, unless accept_ra is 2 (ip-sysctl.rst). When it is 0, another program made the
 * route.
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
    .map((dev): Finding => ({ kind: "ra-default", tenant: undefined, dev }));
}
