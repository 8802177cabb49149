import type { Family } from "../ports";

const IPV4 = /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!$)|$)){4}$/;
const IPV6_CHARACTERS = /^[0-9a-fA-F:]{2,39}$/;

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
  if (!IPV6_CHARACTERS.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
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
