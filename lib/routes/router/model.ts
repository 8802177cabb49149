/** Pure: what an upstream router has to do to tell tenants apart by their address pools. */
import { addressPools, overlaps, tenantPools } from "../../../conf/pools";
import type { PluginConf, RouterConf, Translation, Uplink } from "../../../conf/types";
import { CniError } from "../../cni/error";
import { quote, type JsonObject } from "../../cni/json";
import {
  canonicalAddress,
  formatCidr,
  parsePrefix,
  type Prefix,
  withoutContained,
} from "../../net/address";
import { FAMILIES, type Family } from "../../net/family";

const DEFAULT_UPLINK = "default";
const LINK_LOCAL = /^fe[89ab]/;
/** Names that need no quoting in any of the formats. */
const PLAIN_DEVICE = /^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/;

/** One family of an uplink. Networks are canonical, with their length. */
export interface Way {
  readonly family: Family;
  /** Source networks whose packets leave here. */
  readonly pools: readonly string[];
  /** The next hop, or the interface itself; undefined: this family does not leave here. */
  readonly hop: { readonly via: string | undefined } | undefined;
  /** `none`, `masquerade` or an address. */
  readonly snat: string;
}

export interface RouterUplink {
  readonly name: string;
  readonly dev: string;
  /** undefined: the router's main table, and so no rule. */
  readonly table: number | undefined;
  readonly ways: readonly Way[];
}

export interface RouterModel {
  readonly network: string;
  /**
   * The node's first address, for names: the router may serve several nodes, each with its own
   * pools.
   */
  readonly node: string;
  /** Destinations that every pool reaches by the main table, without translation. */
  readonly lan: readonly { readonly family: Family; readonly network: string }[];
  readonly uplinks: readonly RouterUplink[];
  /** The way back to the pods of this node. */
  readonly returns: readonly {
    readonly family: Family;
    readonly pool: string;
    readonly via: string;
  }[];
}

/**
 * The router of the configuration. The uplink `default` is for the delegate's own pools and those
 * of tenants without an uplink. Throws CniError `invalidConfig` when there is no router or no
 * delegate in the configuration, when a tenant with an uplink has no pools of its own or shares one
 * (the router could not tell its packets apart), and when a pool has no next hop of its family.
 */
export function routerModel(conf: PluginConf): RouterModel {
  const { router, delegate } = conf;
  if (router === undefined)
    throw invalid(
      '"router" is missing, or was left out for what is wrong with it: write it as {"nodes": ["10.0.0.11"], "uplinks": {"default": {"dev": "wan0"}}}',
    );
  if (delegate === undefined)
    throw invalid(
      '"delegate" is missing, so the address pools are not known: a router can tell tenants apart only by pools of a delegate',
    );
  const pools = poolsByUplink(conf, router, delegate);
  const all = [...pools.values()].flat();
  return {
    network: conf.name,
    node: canonicalAddress(router.nodes[0] ?? ""),
    lan: withoutContained(router.lan.flatMap((text) => parsePrefix(text) ?? [])).map((network) => ({
      family: network.family,
      network: formatCidr(network),
    })),
    uplinks: Object.entries(router.uplinks).map(([name, uplink]) =>
      routerUplink(conf, name, uplink, pools.get(name) ?? []),
    ),
    returns: all.map((pool) => ({
      family: pool.family,
      pool: formatCidr(pool),
      via: nodeAddress(router, pool),
    })),
  };
}

function poolsByUplink(
  conf: PluginConf,
  router: RouterConf,
  delegate: JsonObject,
): ReadonlyMap<string, readonly Prefix[]> {
  const tenants = (conf.tenants ?? []).map((tenant) => ({
    name: tenant.name,
    pools: tenantPools(delegate, tenant),
  }));
  const hasUplink = (name: string): boolean =>
    name !== DEFAULT_UPLINK && Object.hasOwn(router.uplinks, name);
  const others = tenants.filter(({ name }) => !hasUplink(name)).flatMap(({ pools }) => pools);
  const taken = new Map([
    [DEFAULT_UPLINK, withoutContained([...addressPools(delegate), ...others])],
  ]);
  for (const { name, pools } of tenants.filter((tenant) => hasUplink(tenant.name))) {
    if (pools.length === 0)
      throw invalid(
        `tenant "${name}" has an uplink but no address pool: give it one with {"delegate": {"ipam": {"subnet": "10.66.0.0/24"}}}`,
      );
    for (const pool of pools) requireOwn(name, pool, taken);
    taken.set(name, pools);
  }
  return taken;
}

function requireOwn(
  name: string,
  pool: Prefix,
  taken: ReadonlyMap<string, readonly Prefix[]>,
): void {
  for (const [owner, pools] of taken) {
    const shared = pools.find((other) => overlaps(other, pool));
    if (shared === undefined) continue;
    const whose =
      owner === DEFAULT_UPLINK ? "pods without an uplink of their own" : `tenant "${owner}"`;
    throw invalid(
      `pool ${formatCidr(pool)} of tenant "${name}" overlaps ${formatCidr(shared)} of ${whose}, so the router cannot tell them apart: ` +
        "give the tenant a pool of its own in each family with a patch of the delegate's ipam, null for what it inherits",
    );
  }
}

function routerUplink(
  conf: PluginConf,
  name: string,
  uplink: Uplink,
  pools: readonly Prefix[],
): RouterUplink {
  if (!PLAIN_DEVICE.test(uplink.dev)) {
    throw invalid(
      `interface ${quote(uplink.dev)} of uplink "${name}" cannot be written into a router's configuration: use letters, digits, and _ . @ -`,
    );
  }
  const tenant =
    name === DEFAULT_UPLINK ? undefined : conf.tenants?.find((each) => each.name === name);
  const ways = FAMILIES.flatMap((family): readonly Way[] => {
    const own = pools.filter((pool) => pool.family === family).map(formatCidr);
    if (own.length === 0) return [];
    return [
      {
        family,
        pools: own,
        hop: hopOf(uplink, family),
        snat: snatOf(family === 4 ? uplink.snat : uplink.snat6, family),
      },
    ];
  });
  return { name, dev: uplink.dev, table: uplink.table ?? tenant?.table, ways };
}

function hopOf({ via }: Uplink, family: Family): Way["hop"] {
  if (via.length === 0) return { via: undefined };
  const address = ofFamily(via, family);
  return address === undefined ? undefined : { via: address };
}

function snatOf(translation: Translation, family: Family): string {
  return typeof translation === "string" ? translation : (ofFamily(translation, family) ?? "none");
}

function nodeAddress({ nodes }: RouterConf, pool: Prefix): string {
  const address = ofFamily(nodes, pool.family);
  if (address !== undefined && !LINK_LOCAL.test(address)) return address;
  if (address !== undefined)
    throw invalid(
      `"nodes" of "router" has ${address}, which is an address of one link only: write the node's routable IPv6 address`,
    );
  throw invalid(
    `pool ${formatCidr(pool)} has no way back to this node: add the node's IPv${pool.family} address to "nodes" of "router"`,
  );
}

function ofFamily(addresses: readonly string[], family: Family): string | undefined {
  const address = addresses.find((text) => parsePrefix(text)?.family === family);
  return address === undefined ? undefined : canonicalAddress(address);
}

function invalid(message: string): CniError {
  return new CniError("invalidConfig", `router configuration: ${message}`);
}
