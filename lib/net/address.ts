/** Addresses and networks in CIDR form, both families. */
import type { Family } from "./family";

const IPV4 = /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/;
const IPV6_CHARACTERS = /^[0-9a-fA-F:.]{2,45}$/;
/** Does not match the form that ends like an IPv4 address. */
const BARE_IPV6 = /^[0-9a-fA-F:]{2,39}$/;
/** IPv4-mapped (::ffff:0:0/96) and IPv4-compatible addresses, as the URL parser writes them. */
const HOLDS_IPV4 = /^(::(?:ffff:)?)[0-9a-f]{1,4}:[0-9a-f]{1,4}$/;
const LENGTH = /^(?:0|[1-9][0-9]{0,2})$/;

/** A network: bits beyond `length` are zero in `bits`. */
export interface Prefix {
  readonly family: Family;
  readonly bits: bigint;
  readonly length: number;
}

/** Reads `address/length`, or an address alone as a network of one host; undefined for anything else. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const family = address.includes(":") ? 6 : 4;
  const bits = addressBits(address);
  const width = widthOf(family);
  const size = length === undefined ? width : LENGTH.test(length) ? Number(length) : Number.NaN;
  if (bits === undefined || rest.length > 0 || !(size <= width)) return undefined;
  return { family, bits: (bits >> BigInt(width - size)) << BigInt(width - size), length: size };
}

/** True when every address of `inner` is in `outer`. */
export function contains(outer: Prefix, inner: Prefix): boolean {
  if (outer.family !== inner.family || outer.length > inner.length) return false;
  const shift = BigInt(widthOf(outer.family) - outer.length);
  return outer.bits >> shift === inner.bits >> shift;
}

/** The networks without those that are inside another one, in their order; of equal ones the first. */
export function withoutContained(networks: readonly Prefix[]): readonly Prefix[] {
  const kept = new Set<Prefix>();
  for (const network of [...networks].sort((a, b) => a.length - b.length))
    if (![...kept].some((outer) => contains(outer, network))) kept.add(network);
  return networks.filter((network) => kept.has(network));
}

/** True when both texts are the same network, however they are written. */
export function sameNetwork(a: string, b: string): boolean {
  const [left, right] = [parsePrefix(a), parsePrefix(b)];
  return (
    left !== undefined &&
    right !== undefined &&
    left.length === right.length &&
    contains(left, right)
  );
}

/** As `ip` prints it: canonical, without the length of a single host, `default` for length 0. */
export function formatPrefix({ family, bits, length }: Prefix): string {
  if (length === 0) return "default";
  const address = family === 4 ? formatV4(bits) : formatV6(bits);
  return length === widthOf(family) ? address : `${address}/${length}`;
}

/** `address/length` in every case, as firewalls want it. */
export function formatCidr(prefix: Prefix): string {
  const address = prefix.family === 4 ? formatV4(prefix.bits) : formatV6(prefix.bits);
  return `${address}/${prefix.length}`;
}

/** The canonical text of an address literal; any other text unchanged. */
export function canonicalAddress(text: string): string {
  const prefix = text.includes("/") ? undefined : parsePrefix(text);
  return prefix === undefined
    ? text
    : prefix.family === 4
      ? formatV4(prefix.bits)
      : formatV6(prefix.bits);
}

function widthOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

function addressBits(text: string): bigint | undefined {
  if (IPV4.test(text))
    return text.split(".").reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
  if (!text.includes(":") || !IPV6_CHARACTERS.test(text) || !URL.canParse(`http://[${text}]/`))
    return undefined;
  const [head = "", tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const groups = (part: string | undefined): readonly string[] =>
    part === undefined || part === "" ? [] : part.split(":");
  const [left, right] = [groups(head), groups(tail)];
  const middle = Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...middle, ...right].reduce(
    (bits, group) => (bits << 16n) | BigInt(`0x${group}`),
    0n,
  );
}

function formatV4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 255n)).join(".");
}

function formatV6(bits: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  // The URL parser compresses zeros as RFC 5952 asks.
  const text = new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
  // The C library, and so `ip` and `nft`, print these two forms with an IPv4 address at their end.
  return text.replace(
    HOLDS_IPV4,
    (_whole, start: string) => `${start}${formatV4(bits & 0xffffffffn)}`,
  );
}

export interface Address {
  readonly family: Family;
  /** Canonical text form (RFC 5952 for IPv6), as iptables prints it. */
  readonly ip: string;
}

/**
 * Reads an IP literal such as a delegate's result carries: no name, no zone, no IPv4-mapped form,
 * no unspecified, loopback or multicast address. Returns undefined for anything else: iptables
 * would resolve a name and widen a prefix.
 */
export function parseAddress(text: string): Address | undefined {
  if (IPV4.test(text)) return isHostV4(text) ? { family: 4, ip: text } : undefined;
  const ip = canonicalV6(text);
  return ip !== undefined && isHostV6(ip) ? { family: 6, ip } : undefined;
}

/** Reads `address/prefix-length` and returns the address alone: a rule is always for one host. */
export function parseCidrAddress(text: string): Address | undefined {
  const [ip, length, ...rest] = text.split("/");
  if (
    ip === undefined ||
    length === undefined ||
    rest.length > 0 ||
    !/^(0|[1-9][0-9]{0,2})$/.test(length)
  ) {
    return undefined;
  }
  const address = parseAddress(ip);
  if (address === undefined || Number(length) > (address.family === 4 ? 32 : 128)) return undefined;
  return address;
}

function canonicalV6(text: string): string | undefined {
  if (!BARE_IPV6.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

function isHostV4(ip: string): boolean {
  const first = Number(ip.slice(0, ip.indexOf(".")));
  return first !== 0 && first !== 127 && first < 224;
}

function isHostV6(ip: string): boolean {
  return (
    ip !== "::" &&
    ip !== "::1" &&
    !/^ff/.test(ip) &&
    !/^::(ffff:)?[0-9a-f]{1,4}:[0-9a-f]{1,4}$/.test(ip)
  );
}
