/** Pure: the operator's conflist with every path led into the test's own directory. */
import type { PluginConf } from "../../conf/types";
import { effectiveDelegate } from "../../delegates/netconf";
import { isObject, own, type Json, type JsonObject } from "../cni/json";
import { contains, parsePrefix } from "../net/address";
import { POD_ANNOTATIONS } from "../lab/kit/libcni";
import { MARKED, SERVER } from "./addresses";
import { isolate, patchBetween, testDelegate, type Place } from "./isolate";

/** Plugins behind this one that act only on the namespace they are started in, and on tenants' packets. */
const KEPT: readonly string[] = ["portmap"];
/** The test API server refuses at once; retries are not what is tested. */
const API_TIMEOUT = "500ms";

export interface ConfList {
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly JsonObject[];
}

export interface CopyPlace extends Place {
  readonly dir: string;
  /** The variant that the node has decided for; undefined: as configured. */
  readonly iptables: string | undefined;
  /** Whether a plugin is installed. */
  readonly has: (type: string) => boolean;
}

export interface Copied {
  readonly list: ConfList;
  readonly notes: readonly string[];
}

/** The list for the test node. Without a kubeconfig: the test's pods bring their annotations along, as with a runtime that passes them. */
export function copyList(list: ConfList, conf: PluginConf, place: CopyPlace): Copied {
  const ours = list.plugins.find((plugin) => own(plugin, "type") === conf.type) ?? {};
  const others = list.plugins.filter((plugin) => plugin !== ours);
  const [main] = conf.delegate === undefined ? others : [];
  const kept = others.filter((plugin) => plugin !== main && isKept(plugin, place));
  const left = others
    .filter((plugin) => plugin !== main && !kept.includes(plugin))
    .map((plugin) => String(own(plugin, "type")));
  const inner = copyOurs(ours, conf, place);
  const outer =
    main === undefined && conf.delegate !== undefined ? undefined : isolatedMain(main, place);
  const chain = list.plugins.flatMap((plugin) =>
    plugin === ours ? [inner.plugin] : kept.includes(plugin) ? [plugin] : [],
  );
  return {
    list: { ...list, plugins: [...(outer === undefined ? [] : [outer.plugin]), ...chain] },
    notes: [
      ...new Set([
        ...inner.notes,
        ...(outer?.notes ?? []),
        ...(left.length === 0
          ? []
          : [
              `not run here, where only plugins are that concern marks and keep to a network namespace: ${left.join(", ")}`,
            ]),
      ]),
    ],
  };
}

/** The same list, but the API server is asked, and nobody answers. */
export function withKubeconfig(list: ConfList, kubeconfig: string): ConfList {
  const plugins = list.plugins.map((plugin) =>
    own(plugin, "type") === OUR_TYPE ? { ...plugin, kubeconfig, apiTimeout: API_TIMEOUT } : plugin,
  );
  return { ...list, plugins };
}

/** How soon the watcher of the test takes a gateway out, and back. */
const SOON = { interval: "500ms", timeout: "1s", failAfter: 2, holdDown: "1s" };

/**
 * The same list for a watcher on the test node: it asks the gateways themselves, because beyond them there is nobody
 * to ask.
 */
export function forWatcher(list: ConfList): ConfList {
  const plugins = list.plugins.map((plugin) => {
    const [tenants, routes] = [own(plugin, "tenants"), own(plugin, "routes")];
    if (own(plugin, "type") !== OUR_TYPE || !isObject(tenants) || !isObject(routes)) return plugin;
    const watch = own(routes, "watch");
    return {
      ...plugin,
      tenants: mapValues(tenants, withoutChecks),
      routes: { ...routes, watch: { ...(isObject(watch) ? watch : {}), ...SOON } },
    };
  });
  return { ...list, plugins };
}

/** Of a tenant, or of one of its `routes`. */
function withoutChecks(way: Json): Json {
  if (!isObject(way)) return way;
  const [gateways, routes] = [own(way, "gateways"), own(way, "routes")];
  return {
    ...way,
    ...(Array.isArray(gateways) ? { gateways: gateways.map(withoutCheck) } : {}),
    ...(Array.isArray(routes) ? { routes: routes.map(withoutChecks) } : {}),
  };
}

function withoutCheck(gateway: Json): Json {
  if (!isObject(gateway)) return gateway;
  const { check: _, ...rest } = gateway;
  return rest;
}

function mapValues(object: JsonObject, change: (value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

/** The name under which the lab kit has this binary in CNI_PATH. */
const OUR_TYPE = "tenant-routing-wrapper";

function isKept(plugin: JsonObject, { has }: CopyPlace): boolean {
  const type = String(own(plugin, "type"));
  return KEPT.includes(type) && has(type);
}

interface Part {
  readonly plugin: JsonObject;
  readonly notes: readonly string[];
}

function isolatedMain(main: JsonObject | undefined, place: CopyPlace): Part {
  const { delegate, notes } =
    main === undefined ? { delegate: testDelegate(place), notes: [] } : isolate(main, place);
  return { plugin: withCapabilities(delegate, ["ips"]), notes };
}

function copyOurs(ours: JsonObject, conf: PluginConf, place: CopyPlace): Part {
  const { kubeconfig: _, ...rest } = ours;
  const base = conf.delegate === undefined ? undefined : isolate(conf.delegate, place);
  const tenants = isolatedTenants(ours, conf, base?.delegate, place);
  const plugin: JsonObject = {
    ...rest,
    type: OUR_TYPE,
    dataDir: `${place.dir}/state`,
    logFile: `${place.dir}/wrapper.log`,
    routes: copyRoutes(own(rest, "routes"), place),
    ...(place.iptables === undefined ? {} : { iptables: place.iptables }),
    ...(base === undefined ? {} : { delegate: base.delegate }),
    ...(tenants === undefined ? {} : { tenants: tenants.plugin }),
  };
  return {
    plugin: withCapabilities(plugin, [POD_ANNOTATIONS, "ips"]),
    notes: [...(base?.notes ?? []), ...(tenants?.notes ?? [])],
  };
}

function copyRoutes(routes: Json | undefined, { dir }: CopyPlace): JsonObject {
  // The test node has an interface of each gateway's from the start, with somebody behind it.
  const { links: _, ...given } = isObject(routes) ? routes : {};
  const excluded = own(given, "excludeDestinations");
  const kept = Array.isArray(excluded)
    ? { excludeDestinations: excluded.filter((network) => !isTestNetwork(network)) }
    : {};
  return {
    ...given,
    ...kept,
    namesDir: `${dir}/rt_tables.d`,
    watch: { statusFile: `${dir}/status.json` },
  };
}

/** The test's own internet cannot be excluded from the tenants' gateways. */
function isTestNetwork(network: Json): boolean {
  const outer = typeof network === "string" ? parsePrefix(network) : undefined;
  return (
    outer !== undefined &&
    [...SERVER, ...MARKED].some((address) => {
      const inner = parsePrefix(address);
      return inner !== undefined && contains(outer, inner);
    })
  );
}

/** The tenants' patches, so that each makes of the base's copy the copy of what it makes of the base. */
function isolatedTenants(
  ours: JsonObject,
  { tenants = [], delegate }: PluginConf,
  base: JsonObject | undefined,
  place: CopyPlace,
): Part | undefined {
  const raw = own(ours, "tenants");
  if (!isObject(raw) || delegate === undefined || base === undefined) return undefined;
  const notes: string[] = [];
  const entries = Object.entries(raw).map(([name, tenant]): [string, Json] => {
    const patch = tenants.find((one) => one.name === name)?.delegate;
    if (patch === undefined || !isObject(tenant)) return [name, tenant];
    const isolated = isolate(effectiveDelegate(delegate, patch), place);
    notes.push(...isolated.notes);
    return [name, { ...tenant, delegate: patchBetween(base, isolated.delegate) }];
  });
  return { plugin: Object.fromEntries(entries), notes };
}

function withCapabilities(plugin: JsonObject, names: readonly string[]): JsonObject {
  const declared = own(plugin, "capabilities");
  return {
    ...plugin,
    capabilities: {
      ...(isObject(declared) ? declared : {}),
      ...Object.fromEntries(names.map((name) => [name, true])),
    },
  };
}
