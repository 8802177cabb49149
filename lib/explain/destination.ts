/** Pure: the destination that a person names. */
import { CniError } from "../cni/error";
import { canonicalAddress, parsePrefix } from "../net/address";
import { familyOf, type Family } from "../net/family";
import type { Destination } from "./model";

/** Documentation addresses (RFC 5737, RFC 3849), which stand for the outside. */
const OUTSIDE: Readonly<Record<Family, string>> = { 4: "203.0.113.9", 6: "2001:db8::9" };
const MAX_PORT = 65535;
const BRACKETED = /^\[([^\]]*)\](?::(.*))?$/;

/** What stands for the outside, in each of the families. */
export function outside(families: readonly Family[]): readonly Destination[] {
  return families.map((family) => ({ family, address: OUTSIDE[family], port: undefined }));
}

/** Whether the address is one that stands for the outside, so that nobody has to answer there. */
export function isStandIn(address: string): boolean {
  return Object.values(OUTSIDE).includes(address);
}

/**
 * Reads `ADDRESS`, `IPV4:PORT` or `[IPV6]:PORT`. Throws CniError `invalidEnvironment` for a name, a
 * zone, a network, and a port that is none.
 */
export function parseDestination(text: string): Destination {
  const [address, port] = split(text);
  if (address.includes("%"))
    throw wrong(text, "an address with a zone never leaves its link: name one without");
  if (address.includes("/") || parsePrefix(address) === undefined)
    throw wrong(text, "use an IP address: 203.0.113.9, 203.0.113.9:443 or [2001:db8::9]:443");
  return {
    family: familyOf(address),
    address: canonicalAddress(address),
    port: port === undefined ? undefined : portOf(text, port),
  };
}

function split(text: string): readonly [string, string | undefined] {
  const [, inside, behind] = BRACKETED.exec(text) ?? [];
  if (inside !== undefined) return [inside, behind];
  const [address = "", port, ...rest] = text.split(":");
  // More than one colon is an IPv6 address without a port.
  return rest.length > 0 ? [text, undefined] : [address, port];
}

function portOf(text: string, port: string): number {
  const number = /^[0-9]{1,5}$/.test(port) ? Number(port) : 0;
  if (number < 1 || number > MAX_PORT)
    throw wrong(text, `a port is a number from 1 to ${MAX_PORT}`);
  return number;
}

function wrong(text: string, remedy: string): CniError {
  return new CniError("invalidEnvironment", `"${text}" is no destination: ${remedy}`);
}

/** `203.0.113.9:443`, `[2001:db8::9]:443`, or the address alone. */
export function destinationText({ family, address, port }: Destination): string {
  if (port === undefined) return address;
  return family === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
