/** Network links as they are wanted: values, without a machine. */

export type LinkType = "macvlan" | "vlan" | "bridge" | "vxlan" | "dummy";

/** A link that a node shall have. */
export interface LinkSpec {
  readonly name: string;
  readonly type: LinkType;
  /** The link that it is made on: of every macvlan and vlan, of a vxlan where it is written. */
  readonly parent?: string;
  /** VLAN ID or VXLAN network identifier. */
  readonly id?: number;
  /** Of a macvlan. */
  readonly mode?: string;
  /** Source address of a vxlan, canonical. */
  readonly local?: string;
  /** Unicast peers of a vxlan, canonical. */
  readonly remotes: readonly string[];
  /** Multicast group of a vxlan, canonical. */
  readonly group?: string;
  /** UDP port of a vxlan. */
  readonly port?: number;
  /** `address/length`, canonical. */
  readonly addresses: readonly string[];
  /** Bytes; absent: what the kernel chooses. */
  readonly mtu?: number;
  /** Lower case; absent: what the kernel chooses. */
  readonly mac?: string;
  /** Links that are ports of a bridge. */
  readonly ports: readonly string[];
}

/** The UDP port that IANA gave to VXLAN. */
export const VXLAN_PORT = 4789;

/** The links that a link is made of: they have to be there before it. */
export function neededBy({ parent, ports }: LinkSpec): readonly string[] {
  return [...(parent === undefined ? [] : [parent]), ...ports];
}

/**
 * The links, each behind those that it needs, otherwise in their order. `circle`: the names of those
 * that need each other, which are left out; empty where there are none.
 */
export function dependencyOrder(links: readonly LinkSpec[]): {
  readonly ordered: readonly LinkSpec[];
  readonly circle: readonly string[];
} {
  const ordered: LinkSpec[] = [];
  let rest = links;
  for (;;) {
    const waiting = new Set(rest.map(({ name }) => name));
    const ready = rest.filter((link) => !neededBy(link).some((name) => waiting.has(name)));
    if (ready.length === 0) return { ordered, circle: [...waiting] };
    ordered.push(...ready);
    rest = rest.filter((link) => !ready.includes(link));
  }
}
