/** What a delegate's netconf needs before the delegate runs: the likeliest mistakes, reported early. */
import { CniError } from "../lib/cni/error";
import { isObject, own, quote, type JsonObject } from "../lib/cni/json";
import { findPlugin } from "./find";
import { delegateType, ipamType } from "./netconf";

/** Plugin types with checks of their own; any other type runs unchecked. */
const CHECKS: Readonly<Record<string, (delegate: JsonObject) => readonly string[]>> = {
  ptp: ptpProblems,
  bridge: bridgeProblems,
};

/**
 * Checks a delegate's netconf and finds its executables before anything is created. Returns the
 * delegate's path. Throws CniError `invalidConfig` with every problem, or `delegateMissing`.
 */
export function checkDelegate(delegate: JsonObject, path: readonly string[]): string {
  const type = delegateType(delegate);
  const problems = Object.hasOwn(CHECKS, type) ? (CHECKS[type]?.(delegate) ?? []) : [];
  if (problems.length > 0) {
    throw new CniError("invalidConfig", `delegate "${type}": ${problems.join("; ")}`);
  }
  const executable = findPlugin(type, path);
  const ipam = ipamType(delegate);
  if (ipam !== undefined) findPlugin(ipam, path);
  return executable;
}

/**
 * IPAM plugins that send something through the pod's interface when they give an address back. `bridge` removes
 * the interface before it asks its IPAM, so the lease would stay with the server until it expires (decision 0114).
 */
const NEEDS_INTERFACE: readonly string[] = ["dhcp"];

/** The IPAM plugin whose DEL has to come before the delegate's; undefined where the order does not matter. */
export function ipamBeforeDelegate(delegate: JsonObject): string | undefined {
  const type = ipamType(delegate);
  return type !== undefined && NEEDS_INTERFACE.includes(type) ? type : undefined;
}

/** IPAM plugins that give no address twice, because they remember all that they gave on this node. */
const NEVER_TWICE: readonly string[] = ["host-local", "whereabouts"];

/** Whether a delegate's address may be one that another pod of this node has. */
export function mayGiveTwice(delegate: JsonObject): boolean {
  return !NEVER_TWICE.includes(ipamType(delegate) ?? "");
}

/** The problem, if any, with an `ipam` section that the delegate cannot do without. */
function ipamProblem(delegate: JsonObject): string | undefined {
  const ipam = own(delegate, "ipam");
  if (ipam === undefined) return `"ipam" is missing: without an address there is nothing to route`;
  if (!isObject(ipam)) return `"ipam" must be an object, got ${quote(ipam)}`;
  const type = own(ipam, "type");
  return typeof type === "string" && type !== ""
    ? undefined
    : `"ipam.type" is missing, for example "host-local"`;
}

/** The problem, if any, with an optional `mtu` (bytes). */
function mtuProblem(delegate: JsonObject): string | undefined {
  const mtu = own(delegate, "mtu");
  if (mtu === undefined || mtu === 0) return undefined;
  // 68 is the smallest IPv4 MTU (RFC 791), 65535 the largest packet.
  if (typeof mtu === "number" && Number.isInteger(mtu) && mtu >= 68 && mtu <= 65535)
    return undefined;
  return `"mtu" must be a whole number of bytes from 68 to 65535, got ${quote(mtu)}`;
}

/**
 * What is particular to ptp: a veth pair with host routes. It cannot run without IPAM (ADD, DEL
 * and CHECK all call it), and forwards by the node's own tables, which is what tenants rely on.
 */
function ptpProblems(delegate: JsonObject): readonly string[] {
  const ipMasq = own(delegate, "ipMasq");
  return [
    ipamProblem(delegate),
    mtuProblem(delegate),
    ipMasq === undefined || typeof ipMasq === "boolean"
      ? undefined
      : `"ipMasq" must be true or false, got ${quote(ipMasq)}`,
  ].filter((problem) => problem !== undefined);
}

const SWITCHES = [
  "isGateway",
  "isDefaultGateway",
  "forceAddress",
  "ipMasq",
  "hairpinMode",
  "promiscMode",
] as const;

/**
 * What is particular to bridge: pods share an L2 segment, so the node sees their packets in
 * PREROUTING only when it is their gateway; a bridge without `isGateway` or `isDefaultGateway`
 * would carry tenants past us.
 */
function bridgeProblems(delegate: JsonObject): readonly string[] {
  const name = own(delegate, "bridge");
  const gateway = own(delegate, "isGateway") === true || own(delegate, "isDefaultGateway") === true;
  return [
    ipamProblem(delegate),
    mtuProblem(delegate),
    name === undefined || isInterfaceName(name)
      ? undefined
      : `"bridge" must be an interface name of 1 to 15 bytes, got ${quote(name)}`,
    gateway
      ? undefined
      : `"isGateway" or "isDefaultGateway" must be true, or the pods' packets never pass the node's routing`,
    ...SWITCHES.map((key) => {
      const value = own(delegate, key);
      return value === undefined || typeof value === "boolean"
        ? undefined
        : `"${key}" must be true or false, got ${quote(value)}`;
    }),
  ].filter((problem) => problem !== undefined);
}

function isInterfaceName(value: unknown): boolean {
  return (
    typeof value === "string" && /^[^/:\s]{1,15}$/.test(value) && value !== "." && value !== ".."
  );
}
