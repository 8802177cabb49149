import type { JsonObject } from "../lib/ports";
import { isObject, own, quote } from "../lib/cni/json";

/** The problem, if any, with an `ipam` section that the delegate cannot do without. */
export function ipamProblem(delegate: JsonObject): string | undefined {
  const ipam = own(delegate, "ipam");
  if (ipam === undefined) return `"ipam" is missing: without an address there is nothing to route`;
  if (!isObject(ipam)) return `"ipam" must be an object, got ${quote(ipam)}`;
  const type = own(ipam, "type");
  return typeof type === "string" && type !== ""
    ? undefined
    : `"ipam.type" is missing, for example "host-local"`;
}

/** The problem, if any, with an optional `mtu` (bytes). */
export function mtuProblem(delegate: JsonObject): string | undefined {
  const mtu = own(delegate, "mtu");
  if (mtu === undefined || mtu === 0) return undefined;
  // 68 is the smallest IPv4 MTU (RFC 791), 65535 the largest packet.
  if (typeof mtu === "number" && Number.isInteger(mtu) && mtu >= 68 && mtu <= 65535)
    return undefined;
  return `"mtu" must be a whole number of bytes from 68 to 65535, got ${quote(mtu)}`;
}
