/** Pure: an address in each network that has gateways of its own, to call it. */
import type { PluginConf, Tenant } from "../../conf/types";
import { formatPrefix, parsePrefix, type Prefix } from "../net/address";
import type { Family } from "../net/family";
import { routedTenants } from "../routes/plan/desired";
import { longestMatch, type Way, waysOf } from "../routes/plan/ways";

/** Somebody in a network. */
export interface Destination {
  readonly way: Way;
  readonly family: Family;
  readonly address: string;
}

/** One for each way of the tenant and family, unless longer prefixes take all that is tried. */
export function destinationsIn(tenant: Tenant): readonly Destination[] {
  const [, ...ways] = waysOf(tenant);
  return ways.flatMap((way) => {
    const all = (way.networks ?? []).flatMap(({ family, dst }): readonly Destination[] => {
      const network = parsePrefix(dst);
      const address = network === undefined ? undefined : addressFor(network, way, ways);
      return address === undefined ? [] : [{ way, family, address }];
    });
    return [...new Map(all.reverse().map((each) => [each.family, each])).values()].reverse();
  });
}

/** Of all tenants with a table, each once. */
export function allDestinations(conf: PluginConf): readonly string[] {
  const all = routedTenants(conf).flatMap((tenant) =>
    destinationsIn(tenant).map(({ address }) => address),
  );
  return [...new Set(all)];
}

/** The first or the last address of the network that is no part of another, longer one. */
function addressFor(network: Prefix, way: Way, ways: readonly Way[]): string | undefined {
  const width = network.family === 4 ? 32 : 128;
  const size = 1n << BigInt(width - network.length);
  const candidates = size === 1n ? [0n] : [1n, size - 2n, size / 2n];
  return candidates
    .map((offset) => formatPrefix({ ...network, bits: network.bits + offset, length: width }))
    .find((address) => {
      const best = Math.max(...ways.map((other) => longestMatch(other, address)));
      return longestMatch(way, address) === best;
    });
}
