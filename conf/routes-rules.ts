/** What the schema cannot say about the node routes and the upstream router. */
import { contains, parsePrefix } from "../lib/cni/prefix";
import type { Draft, DraftRouter, DraftUplink } from "./draft";
import { DURATION_BOUNDS, parseDuration, type DurationKey } from "./duration";
import type { Problem } from "./problem";
import type { Rule } from "./rule";
import { schemaAt } from "./schema";
import { showValue } from "./show";

const DEFAULT_UPLINK = "default";

/** Exclusions are asked before the main table's exact routes, and those before the tenants. */
export const priorityRule: Rule = ({ draft }) => {
  const { excludePriority, localPriority, tenantPriority } = draft.routes;
  if (excludePriority < localPriority && localPriority < tenantPriority) return [];
  const what = `has priorities ${excludePriority} (exclude), ${localPriority} (local) and ${tenantPriority} (tenant), which are not in this order`;
  return [{ path: ["routes"], what, hint: "write excludePriority < localPriority < tenantPriority" }];
};

/** Every network is one, and every address an address. */
export const prefixRule: Rule = ({ draft }) => {
  const { routes, router } = draft;
  const lists: readonly NetworkList[] = [
    [["routes", "excludeDestinations"], routes.excludeDestinations],
    [["routes", "podNetworks"], routes.podNetworks ?? []],
    ...(router === undefined ? [] : routerLists(router)),
  ];
  return [
    ...lists.flatMap(([path, texts]) => texts.flatMap((text, i) => notANetwork([...path, String(i)], text))),
    ...(routes.nodeRoutes ?? []).flatMap(({ dst, via }, i) => nodeRouteProblems(["routes", "nodeRoutes", String(i)], dst, via)),
    ...(router === undefined ? [] : onePerFamily(["router", "nodes"], router.nodes)),
  ];
};

/** Addresses to translate to are addresses, at most one for each family. */
export const translationRule: Rule = ({ draft }) => {
  const tenants = Object.entries(draft.tenants ?? {}).map(([name, { snat }]) => [["tenants", name, "snat"], snat] as const);
  const uplinks = Object.entries(draft.router?.uplinks ?? {}).flatMap(([name, uplink]) => uplinkTranslations(name, uplink));
  return [...tenants, ...uplinks].flatMap(([path, snat]) => {
    if (snat === undefined || snat === "none" || snat === "masquerade") return [];
    const addresses = [snat].flat();
    return [...addresses.flatMap((text) => notANetwork(path, text)), ...onePerFamily(path, addresses)];
  });
};

/** Each tenant has a table of its own, and its gateways can be told apart. */
export const tableRule: Rule = ({ draft }) => {
  const entries = Object.entries(draft.tenants ?? {});
  return entries.flatMap(([name, tenant], i) => {
    const other = entries.slice(0, i).find(([, { table }]) => table !== undefined && table === tenant.table);
    const shared = other === undefined ? [] : [
      { path: ["tenants", name, "table"], what: `is ${String(tenant.table)}, the table of tenant "${other[0]}"`, hint: "give every tenant a table of its own" },
    ];
    return [...shared, ...checkProblems(name, tenant.gateways ?? [])];
  });
};

/** Settings about the pod networks need to know them. */
export const podNetworksRule: Rule = ({ draft: { routes } }) => {
  if ((routes.podNetworks ?? []).length > 0) return [];
  const needing = (["masquerade", "acceptForward"] as const).filter((key) => routes[key]);
  return needing.map((key) => ({
    path: ["routes", "podNetworks"],
    what: `is missing, which "${key}" needs`,
    hint: 'list the pod networks of the cluster, such as ["10.200.0.0/16"]',
    missing: true as const,
  }));
};

/** The router's ways out belong to tenants that have addresses of their own, and have a table. */
export const uplinkRule: Rule = ({ draft }) =>
  Object.entries(draft.router?.uplinks ?? {}).flatMap(([name, uplink]) => {
    const path = ["router", "uplinks", name];
    if (name === DEFAULT_UPLINK) return [];
    const tenant = draft.tenants?.[name];
    if (tenant === undefined) return [{ path, what: "is not the name of a tenant", hint: 'use the name of a tenant, or "default"' }];
    if (uplink.table !== undefined || tenant.table !== undefined) return [];
    return [{ path: [...path, "table"], what: "is missing, and the tenant has none either", hint: "write the number of the router's table", missing: true as const }];
  });

/** The bounds of the times of `routes.watch`. */
export const watchRule: Rule = ({ draft }) =>
  (["interval", "timeout", "holdDown"] as const).flatMap((key) => outOfRange(["routes", "watch", key], key, draft.routes.watch[key]));

/** The problem of a time that is outside its bounds, if it is. */
export function outOfRange(path: readonly string[], key: DurationKey, text: string): readonly Problem[] {
  const ms = parseDuration(text);
  const { min, max } = DURATION_BOUNDS[key];
  if (ms >= min && ms <= max) return [];
  return [{ path, what: `is "${text}", which is out of range`, hint: schemaAt(path)?.errorMessage ?? "" }];
}

type NetworkList = readonly [path: readonly string[], networks: readonly string[]];

function routerLists({ nodes, lan, uplinks }: DraftRouter): readonly NetworkList[] {
  const vias = Object.entries(uplinks).map(([name, { via }]): NetworkList => [["router", "uplinks", name, "via"], via ?? []]);
  return [[["router", "nodes"], nodes], [["router", "lan"], lan ?? []], ...vias];
}

function uplinkTranslations(name: string, { snat, snat6 }: DraftUplink): readonly (readonly [readonly string[], string | readonly string[]])[] {
  return [[["router", "uplinks", name, "snat"], snat], [["router", "uplinks", name, "snat6"], snat6]];
}

function notANetwork(path: readonly string[], text: string): readonly Problem[] {
  if (parsePrefix(text) !== undefined) return [];
  return [{ path, what: `is ${showValue([], text)}, which is no address or network`, hint: schemaAt(path)?.errorMessage ?? "" }];
}

function onePerFamily(path: readonly string[], addresses: readonly string[]): readonly Problem[] {
  const families = addresses.map((text) => (text.includes(":") ? 6 : 4));
  if (new Set(families).size === families.length) return [];
  return [{ path, what: "has two addresses of one family", hint: "write one for each family at most" }];
}

function nodeRouteProblems(path: readonly string[], dst: string, via: string): readonly Problem[] {
  const problems = [...notANetwork([...path, "dst"], dst), ...notANetwork([...path, "via"], via)];
  if (problems.length > 0 || parsePrefix(dst)?.family === parsePrefix(via)?.family) return problems;
  return [{ path, what: "has addresses of two families", hint: "write dst and via of the same family" }];
}

function checkProblems(name: string, gateways: NonNullable<Draft["tenants"]>[string]["gateways"] & object): readonly Problem[] {
  return gateways.flatMap(({ check, via }, i) => {
    if (check === undefined) return [];
    const path = ["tenants", name, "gateways", String(i), "check"];
    const address = parsePrefix(check);
    if (address === undefined) return notANetwork(path, check);
    const hop = via === undefined ? undefined : parsePrefix(via);
    if (hop !== undefined && hop.family !== address.family) {
      return [{ path, what: `is ${showValue([], check)}, of another family than "via"`, hint: "name an address that this gateway leads to" }];
    }
    const twice = gateways.slice(0, i).some((other) => other.check !== undefined && sameAddress(other.check, check));
    return twice ? [{ path, what: `is ${showValue([], check)}, as of another gateway of this tenant`, hint: "name another address for each gateway, because it is reached through one of them" }] : [];
  });
}

function sameAddress(a: string, b: string): boolean {
  const [left, right] = [parsePrefix(a), parsePrefix(b)];
  return left !== undefined && right !== undefined && contains(left, right);
}
