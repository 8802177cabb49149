/** From the links as they are written to the links as they are made. */
import { canonicalAddress } from "../lib/net/address";
import { dependencyOrder, type LinkSpec, VXLAN_PORT } from "../lib/net/link";
import type { Draft, DraftLink } from "./draft";

/** The links in the order in which they are made; those that need each other in a circle are left out. */
export function buildLinks(links: Draft["routes"]["links"]): readonly LinkSpec[] {
  return dependencyOrder(specsOf(links)).ordered;
}

/** The links in the order in which they are written. */
export function specsOf(links: Draft["routes"]["links"] = {}): readonly LinkSpec[] {
  return Object.entries(links).map(([name, link]) => specOf(name, link));
}

function specOf(name: string, link: DraftLink): LinkSpec {
  const { type, parent, id, mtu, mac, local, group } = link;
  return {
    name,
    type,
    ...(parent === undefined ? {} : { parent }),
    ...(id === undefined ? {} : { id }),
    ...(type === "macvlan" ? { mode: link.mode ?? "bridge" } : {}),
    ...(local === undefined ? {} : { local: canonicalAddress(local) }),
    remotes: (link.remotes ?? []).map(canonicalAddress),
    ...(group === undefined ? {} : { group: canonicalAddress(group) }),
    ...(type === "vxlan" ? { port: link.port ?? VXLAN_PORT } : {}),
    addresses: (link.addresses ?? []).map(canonicalCidr),
    ...(mtu === undefined ? {} : { mtu }),
    ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
    ports: link.ports ?? [],
  };
}

function canonicalCidr(text: string): string {
  const [address = "", length] = text.split("/");
  return `${canonicalAddress(address)}/${length ?? ""}`;
}
