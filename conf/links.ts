/** From the links as they are written to the links as they are made. */
import { canonicalAddress } from "../lib/net/address";
import { dependencyOrder, type LinkSpec, VXLAN_PORT } from "../lib/net/link";
import { present } from "../lib/net/present";
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
  const { type, mode = "bridge", port = VXLAN_PORT } = link;
  return present({
    name,
    type,
    ...{ parent: link.parent, id: link.id, mtu: link.mtu, mac: link.mac?.toLowerCase() },
    mode: type === "macvlan" ? mode : undefined,
    local: canonical(link.local),
    group: canonical(link.group),
    port: type === "vxlan" ? port : undefined,
    ...listsOf(link),
  });
}

function listsOf({ remotes = [], addresses = [], ports = [] }: DraftLink) {
  return {
    remotes: remotes.map(canonicalAddress),
    addresses: addresses.map(canonicalCidr),
    ports,
  };
}

function canonical(text: string | undefined): string | undefined {
  return text === undefined ? undefined : canonicalAddress(text);
}

function canonicalCidr(text: string): string {
  const [address = "", length] = text.split("/");
  return `${canonicalAddress(address)}/${length ?? ""}`;
}
