/** Pure: the address pools that a delegate's netconf names. */
import { CniError } from "../../cni/error";
import { isObject, own, quote } from "../../cni/json";
import { contains, formatCidr, parsePrefix, type Prefix } from "../../net/address";
import type { Json, JsonObject } from "../../ports";

/** whereabouts: a network, or the part of a network from one address to another. */
const FROM_TO = /^[0-9a-fA-F:.]+-(?=[0-9a-fA-F:.]+\/)/;

/**
 * The networks that the delegate's IPAM hands addresses out of, each once: `subnet` and `ranges` of
 * host-local, `range` and `ipRanges` of whereabouts. A part of a network (`rangeStart`, `a-b/24`)
 * counts as the whole network. Throws CniError `invalidConfig` for a value that is no network.
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

/** The same addresses in as few of the networks as possible, in their order. */
export function withoutContained(networks: readonly Prefix[]): readonly Prefix[] {
  const unique = networks.filter(
    (network, i) => networks.findIndex((other) => formatCidr(other) === formatCidr(network)) === i,
  );
  return unique.filter(
    (network) => !unique.some((other) => other !== network && contains(other, network)),
  );
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
