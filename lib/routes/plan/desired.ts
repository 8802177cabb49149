/** Pure: everything that the node should have, from the configuration and the state of the node. */
import type { PluginConf } from "../../../conf/types";
import {
  canonicalAddress,
  contains,
  formatCidr,
  formatPrefix,
  parsePrefix,
} from "../../net/address";
import type { Family } from "../../net/family";
import { deviceName, gatewaysOf, type Health } from "./gateways";
import { translationRules } from "./nat";
import { poolSelectors } from "./pool-rules";
import { wantedSysctls } from "./sysctls";
import { tableNames } from "./table-names";
import { defaultMetric, type RoutedTenant, stoppedNetworks, tenantRoutes } from "./tenant-routes";
import {
  PROTOCOL_KERNEL,
  TABLE_MAIN,
  type ForwardRule,
  type IpRoute,
  type IpRule,
  type NodeState,
  type Nexthop,
  type Planned,
  type RetiredMark,
  type RoutesPlan,
} from "../model";

/** The tenants with a table, in the order of the configuration. */
export function routedTenants(conf: PluginConf): readonly RoutedTenant[] {
  return (conf.tenants ?? []).filter(
    (tenant): tenant is RoutedTenant => tenant.table !== undefined,
  );
}

/** Whether the conflist asks for anything that the node routes make: a tenant's table, or a link. */
export function asksForRoutes(conf: PluginConf): boolean {
  return routedTenants(conf).length + conf.routes.links.length > 0;
}

/**
 * The whole plan. `health` leaves out gateways that do not answer; without it all count as working.
 * Packets with a `retired` mark are stopped.
 */
export function desiredRoutes(
  conf: PluginConf,
  state: NodeState,
  health?: Health,
  retired: readonly RetiredMark[] = [],
): RoutesPlan {
  const tenants = routedTenants(conf);
  const gateways = tenants.flatMap((tenant) => gatewaysOf(tenant, state, health));
  const rules = state.families.flatMap((family) => rulesOf(conf, family, { gateways, retired }));
  const routes = state.families.flatMap((family) => [
    ...tenants.flatMap((tenant) => tenantRoutes(tenant, family, gateways)),
    ...nodeRoutes(conf, family, state),
  ]);
  const plan = { rules, routes, gateways, retired, forward: forwardRules(conf, state.families) };
  return {
    ...plan,
    sysctls: wantedSysctls(plan, state),
    translation: translationRules(conf, gateways),
    ways: [],
    names: tableNames(conf.routes.namesDir, tenants),
  };
}

function rulesOf(
  conf: PluginConf,
  family: Family,
  { gateways, retired }: Pick<RoutesPlan, "gateways" | "retired">,
): readonly Planned<IpRule>[] {
  const tenants = routedTenants(conf);
  if (tenants.length + retired.length === 0) return [];
  const { excludePriority, localPriority, tenantPriority, excludeDestinations } = conf.routes;
  const common = { family, protocol: PROTOCOL_KERNEL };
  const local: Planned<IpRule> = {
    item: { ...common, priority: localPriority, table: TABLE_MAIN, suppressPrefixLength: 0 },
    tenant: undefined,
    why: "what the main table knows better than by a default route comes first",
  };
  const exclusions = networksOf(excludeDestinations, family).map((to): Planned<IpRule> => ({
    item: {
      ...common,
      priority: excludePriority,
      table: TABLE_MAIN,
      ...(to === "default" ? {} : { to }),
    },
    tenant: undefined,
    why: "excluded destination",
  }));
  const poolsOf = poolSelectors(conf, family);
  const marks = tenants.flatMap((tenant): readonly Planned<IpRule>[] => {
    const stopped = stoppedNetworks(tenant, family, gateways);
    return [{ fwmark: tenant.mark }, ...poolsOf(tenant.name)].flatMap((selector) =>
      lookupOf(tenant, { ...common, priority: tenantPriority, ...selector }, stopped),
    );
  });
  const closed = retired.map(({ stop }): Planned<IpRule> => ({
    item: { ...common, priority: tenantPriority, fwmark: stop, unreachable: true },
    tenant: undefined,
    why: "pods still carry the mark of a tenant that is gone",
  }));
  return [...exclusions, local, ...marks, ...closed];
}

function lookupOf(
  { name, table }: RoutedTenant,
  selected: Omit<IpRule, "table" | "unreachable">,
  stopped: readonly string[],
): readonly Planned<IpRule>[] {
  const whose =
    selected.from === undefined
      ? `packets of tenant ${name}`
      : `unmarked packets from the address pool of tenant ${name}`;
  const lookup = { item: { ...selected, table }, tenant: name, why: whose };
  // Behind the lookup, because `ip route flush table` removes the stop in the table too (decision 0036).
  const stops = stopped.map((to) => ({
    item: { ...selected, ...(to === "default" ? {} : { to }), unreachable: true as const },
    tenant: name,
    why: `a stop for tenant ${name} when its table is empty`,
  }));
  return [lookup, ...stops];
}

function nodeRoutes(
  conf: PluginConf,
  family: Family,
  { links }: NodeState,
): readonly Planned<IpRoute>[] {
  return conf.routes.nodeRoutes.flatMap(({ dst, via, dev }) => {
    const network = parsePrefix(dst);
    if (network?.family !== family) return [];
    const hop: Nexthop = {
      via: canonicalAddress(via),
      ...(dev === undefined ? {} : { dev: deviceName(dev, links) }),
      weight: 1,
    };
    const item: IpRoute = {
      family,
      table: TABLE_MAIN,
      dst: formatPrefix(network),
      type: "unicast",
      metric: defaultMetric(family),
      protocol: PROTOCOL_KERNEL,
      nexthops: [hop],
    };
    return [{ item, tenant: undefined, why: "pods of another node" }];
  });
}

function forwardRules(
  conf: PluginConf,
  families: readonly Family[],
): readonly Planned<ForwardRule>[] {
  if (!conf.routes.acceptForward) return [];
  return conf.routes.podNetworks.flatMap((text) => {
    const network = parsePrefix(text);
    if (network === undefined || !families.includes(network.family)) return [];
    return ["-s", "-d"].map((direction) => ({
      item: {
        family: network.family,
        spec: `${direction} ${formatCidr(network)} -m comment --comment "tenant-routing routes" -j ACCEPT`,
      },
      tenant: undefined,
      why: "forwarding of pods' packets, whatever the policy is",
    }));
  });
}

function networksOf(texts: readonly string[], family: Family): readonly string[] {
  const networks = texts.flatMap((text) => {
    const network = parsePrefix(text);
    return network?.family === family ? [formatPrefix(network)] : [];
  });
  // 10.0.0.0/8 and 10.0.0.1/8 are the same, and the kernel refuses a rule that it has already.
  return [...new Set(networks)];
}

/** True when `address` is in the network `text`; false when either cannot be read. */
export function isIn(text: string, address: string): boolean {
  const [outer, inner] = [
    parsePrefix(text === "default" ? (address.includes(":") ? "::/0" : "0.0.0.0/0") : text),
    parsePrefix(address),
  ];
  return outer !== undefined && inner !== undefined && contains(outer, inner);
}
