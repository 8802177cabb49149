/** Pure: the networks from which delegates give out addresses. */
import { CniError } from "../lib/cni/error";
import { isObject, own, quote, type Json, type JsonObject } from "../lib/cni/json";
import { contains, parsePrefix, type Prefix, withoutContained } from "../lib/net/address";
import { mergePatch } from "./merge-patch";

/** The start of a whereabouts range such as `10.0.0.5-10.0.0.9/24`. */
const FROM_TO = /^[0-9a-fA-F:.]+-(?=[0-9a-fA-F:.]+\/)/;

/**
 * The networks from which the delegate's IPAM gives out addresses, each once: `subnet` and `ranges`
 * of host-local, `range` and `ipRanges` of whereabouts. A part of a network (`rangeStart`,
 * `a-b/24`) counts as the whole network. Throws CniError `invalidConfig` for a value that is no
 * network.
 */
export function addressPools(delegate: JsonObject): readonly Prefix[] {
  const ipam = own(delegate, "ipam");
  if (!isObject(ipam)) return [];
  const texts: readonly (Json | undefined)[] = [
    own(ipam, "subnet"),
    ...list(own(ipam, "ranges"))
      .flatMap(list)
      .map((range) => member(range, "subnet")),
    own(ipam, "range"),
    ...list(own(ipam, "ipRanges")).map((range) => member(range, "range")),
  ];
  return withoutContained(
    texts.flatMap((text) =>
      text === undefined || text === null || text === "" ? [] : [pool(text)],
    ),
  );
}

/** True when some address is in both networks. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return contains(a, b) || contains(b, a);
}

function pool(text: Json): Prefix {
  const prefix = typeof text === "string" ? parsePrefix(text.replace(FROM_TO, "")) : undefined;
  if (prefix !== undefined) return prefix;
  throw new CniError(
    "invalidConfig",
    `the delegate's ipam has ${quote(text)} as an address pool, which is no network: write it as "10.244.0.0/24"`,
  );
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function member(value: Json, key: string): Json | undefined {
  return isObject(value) ? own(value, key) : undefined;
}

/**
 * The networks of a tenant's addresses: what its `pool` says, else those of the delegate that its pods have
 * (`delegate` with the tenant's patch). Throws CniError `invalidConfig` as `addressPools` does.
 */
export function tenantPools(
  delegate: JsonObject,
  { pool, delegate: patch }: { readonly pool?: Texts; readonly delegate: JsonObject | undefined },
): readonly Prefix[] {
  if (pool !== undefined) return poolNetworks(pool);
  return addressPools(patch === undefined ? delegate : (mergePatch(delegate, patch) as JsonObject));
}
type Texts = readonly string[] | undefined;

/** The networks of a tenant's `pool`, each once; validation has made sure that they are networks. */
export function poolNetworks(pool: readonly string[]): readonly Prefix[] {
  return withoutContained(pool.flatMap((text) => parsePrefix(text) ?? []));
}

/** Those of the addresses (without length) that are in none of the networks. */
export function outside(pools: readonly Prefix[], addresses: readonly string[]): readonly string[] {
  return addresses.filter((address) => {
    const host = parsePrefix(address);
    return host === undefined || !pools.some((pool) => contains(pool, host));
  });
}

/**
 * The pools of each tenant that gives them out alone: they overlap no pool of the delegate as it is, nor of
 * another tenant. What is no network counts as no pool.
 */
export function ownPools(
  delegate: JsonObject | undefined,
  tenants: readonly {
    readonly name: string;
    readonly pool?: Texts;
    readonly delegate: JsonObject | undefined;
  }[],
): ReadonlyMap<string, readonly Prefix[]> {
  if (delegate === undefined) return new Map();
  const shared = poolsOrNone(() => addressPools(delegate));
  const each = tenants.map((tenant) => ({
    name: tenant.name,
    pools:
      tenant.delegate === undefined && tenant.pool === undefined
        ? []
        : poolsOrNone(() => tenantPools(delegate, tenant)),
  }));
  const isFree = (pool: Prefix, name: string): boolean =>
    ![shared, ...each.filter((other) => other.name !== name).map(({ pools }) => pools)]
      .flat()
      .some((other) => overlaps(other, pool));
  return new Map(each.map(({ name, pools }) => [name, pools.filter((pool) => isFree(pool, name))]));
}

// The delegate says what is wrong with its own configuration.
function poolsOrNone(read: () => readonly Prefix[]): readonly Prefix[] {
  try {
    return read();
  } catch {
    return [];
  }
}
