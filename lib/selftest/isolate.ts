/**
 * Pure: a delegate that works on nothing but the network namespace that it is started in. Others
 * have daemons, sockets and files of the node behind them, which a test must not reach.
 */
import { isObject, own, type Json, type JsonObject } from "../cni/json";

/** Plugins known to keep to the namespace they are started in. */
const ISOLATED: readonly string[] = ["ptp", "bridge", "macvlan", "ipvlan"];
/** Pools of the benchmark range (RFC 2544) and of a unique local prefix. */
const POOLS = { 4: "198.18.128.0/24", 6: "fd00:5e1f:7e57:128::/64" } as const;

export interface Isolated {
  readonly delegate: JsonObject;
  /** What was replaced and why; empty when nothing was. */
  readonly notes: readonly string[];
}

export interface Place {
  /** Directory for the leases. */
  readonly leases: string;
  readonly ipv6: boolean;
}

/** The delegate as it can run in the test node. */
export function isolate(delegate: JsonObject, place: Place): Isolated {
  const type = String(own(delegate, "type"));
  if (!ISOLATED.includes(type)) {
    return {
      delegate: testDelegate(place),
      notes: [
        `the plugin ${type} reaches beyond a network namespace, so ptp with a test pool takes its place: what ${type} itself does is not tested`,
      ],
    };
  }
  const ipam = own(delegate, "ipam");
  const ipamType = isObject(ipam) ? String(own(ipam, "type")) : "none";
  if (isObject(ipam) && ipamType === "host-local")
    return { delegate: { ...delegate, ipam: { ...ipam, dataDir: place.leases } }, notes: [] };
  const reason = `the IPAM plugin ${ipamType} of ${type} reaches beyond a network namespace or has no pool, so host-local with a test pool takes its place`;
  return { delegate: { ...delegate, ipam: testPool(place) }, notes: [reason] };
}

/** ptp with the test pool. */
export function testDelegate(place: Place): JsonObject {
  return { type: "ptp", ipMasq: false, ipam: testPool(place) };
}

function testPool({ leases, ipv6 }: Place): JsonObject {
  const families = ipv6 ? ([4, 6] as const) : ([4] as const);
  return {
    type: "host-local",
    dataDir: leases,
    ranges: families.map((family) => [{ subnet: POOLS[family] }]),
    routes: families.map((family) => ({ dst: family === 4 ? "0.0.0.0/0" : "::/0" })),
  };
}

/** The merge patch (RFC 7396) that makes `to` of `from`. */
export function patchBetween(from: JsonObject, to: JsonObject): JsonObject {
  const gone = Object.keys(from)
    .filter((key) => !Object.hasOwn(to, key))
    .map((key): [string, Json] => [key, null]);
  const changed = Object.entries(to).flatMap(([key, value]): [string, Json][] => {
    const before = own(from, key);
    if (JSON.stringify(before) === JSON.stringify(value)) return [];
    return [[key, isObject(before) && isObject(value) ? patchBetween(before, value) : value]];
  });
  return Object.fromEntries([...gone, ...changed]);
}
