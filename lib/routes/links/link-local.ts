/** Pure: the IPv6 link-local address that a link of ours has lost. */
import { canonicalAddress, contains, parsePrefix } from "../../net/address";
import type { Link, NodeState } from "../model";
import { linkNamed } from "../plan/gateways";
import type { OwnLink } from "./plan";

const LINK_LOCAL = parsePrefix("fe80::/10");
/** `addr_gen_mode`: the kernel makes no such address (ip-sysctl.rst). */
const MODE_NONE = "1";

/**
 * The address to add, with its length; undefined: it has one, or is to have none. The kernel makes it when a link
 * comes up, and not again. Without one the node asks for no neighbour there on behalf of a packet that it forwards,
 * so an IPv6 gateway behind the link is lost. It is made of the hardware address, as the kernel does by default
 * (RFC 4291, appendix A), also where another mode is set: which one that made is not known any more.
 */
export function lostLinkLocal(
  { spec, present }: OwnLink,
  { links, sysctl }: Pick<NodeState, "links" | "sysctl">,
): string | undefined {
  if (present?.facts?.running !== true) return undefined;
  const { facts, name } = present;
  if ([...facts.prefixes, ...spec.addresses].some(isLinkLocal)) return undefined;
  if (isPort(present, links) || !hasIpv6(name, sysctl)) return undefined;
  const mac = spec.mac ?? facts.mac;
  return mac === undefined ? undefined : fromHardware(mac);
}

function isLinkLocal(text: string): boolean {
  const address = parsePrefix(text);
  return LINK_LOCAL !== undefined && address !== undefined && contains(LINK_LOCAL, address);
}

/** A port hands its packets to the bridge, which has the addresses. */
function isPort({ facts }: Link, links: readonly Link[]): boolean {
  const { master } = facts ?? {};
  return master !== undefined && linkNamed(master, links)?.facts?.kind === "bridge";
}

/** There is no such setting where the kernel, or a small MTU, leaves the link without IPv6. */
function hasIpv6(name: string, sysctl: NodeState["sysctl"]): boolean {
  const setting = (key: string): string | undefined => sysctl(`net/ipv6/conf/${name}/${key}`);
  return setting("disable_ipv6") === "0" && setting("addr_gen_mode") !== MODE_NONE;
}

function fromHardware(mac: string): string | undefined {
  const [first = Number.NaN, ...rest] = mac.split(":").map((byte) => Number.parseInt(byte, 16));
  const bytes = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  if (bytes.length !== 8 || [first, ...rest].some((byte) => Number.isNaN(byte))) return undefined;
  const text = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${canonicalAddress(`fe80::${text.replace(/.{4}(?!$)/g, "$&:")}`)}/64`;
}
