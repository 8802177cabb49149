/**
 * The test's own addresses, IPv4 and IPv6: of the ranges for documentation and benchmarks (RFC 5737,
 * RFC 3849, RFC 2544) and of a unique local prefix, so that they meet none of the operator's.
 */

/** What tenants call: every router answers for it, so that the answer says which way the call took. */
export const SERVER = ["203.0.113.80", "2001:db8:80::80"] as const;
/** Another one, for packets with foreign marks. */
export const MARKED = ["203.0.113.81", "2001:db8:80::81"] as const;
/** The client beyond the default gateway. */
export const CLIENT = ["192.0.2.50", "2001:db8:c::50"] as const;
/** The node and its default gateway. */
export const NODE = ["198.18.0.2", "fd00:5e1f:7e57::2"] as const;
export const DEFAULT_GATEWAY = ["198.18.0.1", "fd00:5e1f:7e57::1"] as const;
/** Another node, and a pod on it. */
export const OTHER_NODE = ["198.18.1.1", "fd00:5e1f:7e57:1::1"] as const;
export const OTHER_POD = ["198.18.130.2", "fd00:5e1f:7e57:130::2"] as const;

/** The place of a family in the pairs above. */
export function at(family: 4 | 6): 0 | 1 {
  return family === 4 ? 0 : 1;
}

/** The node's own address on a segment. */
export function nodeOn(segment: number): readonly [string, string] {
  return [`198.18.${10 + segment}.1`, `fd00:5e1f:7e57:${10 + segment}::1`];
}
