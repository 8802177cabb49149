/** Pure: the networks around the test node, so that every gateway of the conflist has its interface and somebody who answers. */
import type { PluginConf } from "../../conf/types";
import { effectiveDelegate } from "../../delegates/netconf";
import { own, type JsonObject } from "../cni/json";
import { routedTenants } from "../routes/plan/desired";
import { waysOf, whoseText } from "../routes/plan/ways";

/** A machine on a segment. */
export interface RouterPlan {
  /** Its addresses there, as the conflist has them. */
  readonly vias: readonly string[];
  /** Whose gateway it is; with ` to NETWORKS` behind it where it is for these alone. */
  readonly tenants: readonly string[];
  /** Networks of other nodes' pods behind it. */
  readonly behind: readonly string[];
}

/** An interface of the node with what is behind it. */
export interface Segment {
  readonly dev: string;
  /** A delegate makes a bridge of this name: here it is one from the start, with the routers as a port. */
  readonly bridge: boolean;
  readonly routers: readonly RouterPlan[];
}

interface Wish {
  readonly via: string | undefined;
  readonly dev: string | undefined;
  readonly tenant: string | undefined;
  readonly behind: string | undefined;
}

const DEFAULT_BRIDGE = "cni0";

/** One router for each tenant and interface; a next hop that several tenants have is one router. */
export function planSegments(
  conf: PluginConf,
  delegates: readonly JsonObject[],
): readonly Segment[] {
  const bridges = delegates
    .filter((delegate) => own(delegate, "type") === "bridge")
    .map((delegate) => String(own(delegate, "bridge") ?? DEFAULT_BRIDGE));
  const wishes = wishesOf(conf);
  const devOf = new Map(
    wishes.flatMap(({ via, dev }) =>
      via === undefined || dev === undefined ? [] : [[via, dev] as const],
    ),
  );
  const segments = new Map<string, RouterPlan[]>();
  for (const wish of wishes) {
    const dev = wish.dev ?? devOf.get(wish.via ?? "") ?? inventedDev(wish, devOf);
    const routers = segments.get(dev) ?? [];
    segments.set(dev, routers);
    join(routers, wish);
  }
  for (const master of mastersOf(delegates))
    if (!segments.has(master)) segments.set(master, [{ vias: [], tenants: [], behind: [] }]);
  return [...segments].map(([dev, routers]) => ({ dev, bridge: bridges.includes(dev), routers }));
}

/** Every delegate that pods of this configuration get, the chain's main plugin included. */
export function delegatesIn(conf: PluginConf, main: JsonObject | undefined): readonly JsonObject[] {
  const base = conf.delegate ?? main;
  if (base === undefined) return [];
  return [base, ...(conf.tenants ?? []).map((tenant) => effectiveDelegate(base, tenant.delegate))];
}

function wishesOf(conf: PluginConf): readonly Wish[] {
  const gateways = routedTenants(conf).flatMap((tenant) =>
    waysOf(tenant).flatMap(({ to, gateways: all }) =>
      all.map(({ via, dev }): Wish => {
        const owner = whoseText({ tenant: tenant.name, to });
        return { via, dev, tenant: owner, behind: undefined };
      }),
    ),
  );
  const nodes = conf.routes.nodeRoutes.map(({ dst, via, dev }): Wish => ({
    via,
    dev,
    tenant: undefined,
    behind: dst,
  }));
  return [...gateways, ...nodes];
}

// On the real node the main table says which interface it is.
function inventedDev({ via = "" }: Wish, devOf: Map<string, string>): string {
  const dev = `st-gw${devOf.size}`;
  devOf.set(via, dev);
  return dev;
}

function join(routers: RouterPlan[], wish: Wish): void {
  const { via, tenant, behind } = wish;
  const at =
    via === undefined && routers.length > 0
      ? 0
      : routers.findIndex(
          ({ vias, tenants }) =>
            (via !== undefined && vias.includes(via)) ||
            (tenant !== undefined && tenants.includes(tenant)),
        );
  const router = routers[at] ?? { vias: [], tenants: [], behind: [] };
  const joined = {
    vias: [...new Set([...router.vias, ...(via === undefined ? [] : [via])])],
    tenants: [...new Set([...router.tenants, ...(tenant === undefined ? [] : [tenant])])],
    behind: [...router.behind, ...(behind === undefined ? [] : [behind])],
  };
  if (at < 0) routers.push(joined);
  else routers[at] = joined;
}

function mastersOf(delegates: readonly JsonObject[]): readonly string[] {
  return delegates
    .map((delegate) => own(delegate, "master"))
    .filter((master) => typeof master === "string");
}
