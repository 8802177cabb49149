/** The two address families of a lab: their names in statements, and their places in pairs of addresses. */

/** An IPv4 and an IPv6 value of one thing. */
export type Pair = readonly [string, string];

/** `at` is the place in a `Pair`, `ip` the family's word in nftables. */
export const FAMILIES = [
  { name: "IPv4", at: 0, ip: "ip" },
  { name: "IPv6", at: 1, ip: "ip6" },
] as const;
