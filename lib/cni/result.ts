/** A delegate's (or the previous plugin's) result: read strictly, passed on unchanged. */
import { convertResult } from "./convert";
import { CniError } from "./error";
import { type Address, parseCidrAddress } from "../net/address";
import {
  isObject,
  MAX_RESULT_BYTES,
  own,
  parseJson,
  quote,
  type Json,
  type JsonObject,
} from "./json";
import { atLeast, type CniVersion, isSupported } from "./version";

/** More addresses than any interface of a pod has; a result with more is a mistake or an attack. */
const MAX_ADDRESSES = 64;

export interface Result {
  /** What goes to stdout: the delegate's own bytes whenever its version is the config's. */
  readonly output: string;
  /** The parsed result in the config's version. */
  readonly json: JsonObject;
}

/**
 * Reads a result that must be in `version`; an older or newer one is converted, a missing
 * cniVersion is filled in. Throws CniError `delegateResult`.
 */
export function parseResult(stdout: Uint8Array, version: CniVersion, source: string): Result {
  const json = parseObject(stdout, source);
  const declared = own(json, "cniVersion");
  if (declared === version) return { output: new TextDecoder().decode(stdout), json };
  if (declared === undefined || declared === "") {
    const filled = { ...json, cniVersion: version };
    return { output: JSON.stringify(filled), json: filled };
  }
  if (typeof declared !== "string" || !isSupported(declared)) {
    throw bad(source, `its cniVersion is ${quote(declared)}, which this plugin does not speak`);
  }
  const converted = convertResult(json, declared, version, source);
  return { output: JSON.stringify(converted), json: converted };
}

/** Takes prevResult as the result of the plugin before us (chained mode); same checks as parseResult. */
export function resultOfPrevious(prevResult: Json, version: CniVersion): Result {
  return parseResult(new TextEncoder().encode(JSON.stringify(prevResult)), version, "prevResult");
}

/**
 * The addresses of the pod's interface `ifname`, canonical, without duplicates. Addresses that name
 * another interface are skipped; those that name none count as this one's. Throws CniError
 * `delegateResult` for anything that is not a plain host address.
 */
export function podAddresses(
  json: JsonObject,
  version: CniVersion,
  ifname: string,
  source: string,
): readonly Address[] {
  const entries = atLeast(version, "0.3.0")
    ? addressesOf(json, ifname, source)
    : legacyAddresses(json);
  if (entries.length > MAX_ADDRESSES)
    throw bad(source, `it has ${entries.length} addresses (at most ${MAX_ADDRESSES})`);
  const addresses = new Map<string, Address>();
  for (const entry of entries) {
    const address = typeof entry === "string" ? parseCidrAddress(entry) : undefined;
    if (address === undefined)
      throw bad(source, `${quote(entry)} is not the address of one host with its prefix length`);
    addresses.set(address.ip, address);
  }
  return [...addresses.values()];
}

function parseObject(stdout: Uint8Array, source: string): JsonObject {
  let value: Json;
  try {
    value = parseJson(stdout, source, MAX_RESULT_BYTES);
  } catch (error) {
    throw bad(source, (error as Error).message);
  }
  if (!isObject(value)) throw bad(source, `it is ${quote(value)} instead of a JSON object`);
  return value;
}

function addressesOf(json: JsonObject, ifname: string, source: string): readonly Json[] {
  const ips = own(json, "ips") ?? [];
  const interfaces = own(json, "interfaces") ?? [];
  if (!Array.isArray(ips) || !Array.isArray(interfaces))
    throw bad(source, "ips and interfaces must be lists");
  const found: Json[] = [];
  for (const entry of ips as readonly Json[]) {
    if (!isObject(entry)) throw bad(source, `ips has the entry ${quote(entry)}`);
    if (isOurs(own(entry, "interface"), interfaces, ifname, source))
      found.push(own(entry, "address") ?? null);
  }
  return found;
}

// The index may be missing or -1 (spec-upgrades.md): such an address belongs to the interface asked for.
function isOurs(
  index: Json | undefined,
  interfaces: readonly Json[],
  ifname: string,
  source: string,
): boolean {
  if (index === undefined || index === null || index === -1) return true;
  const target =
    typeof index === "number" && Number.isInteger(index) && index >= 0
      ? interfaces[index]
      : undefined;
  if (!isObject(target))
    throw bad(source, `an address names interface ${quote(index)}, which the result does not list`);
  return own(target, "name") === ifname && (own(target, "sandbox") ?? "") !== "";
}

function legacyAddresses(json: JsonObject): readonly Json[] {
  const found: Json[] = [];
  for (const key of ["ip4", "ip6"]) {
    const entry = own(json, key);
    if (isObject(entry)) found.push(own(entry, "ip") ?? null);
  }
  return found;
}

function bad(source: string, why: string): CniError {
  return new CniError("delegateResult", `the result of ${source} cannot be used: ${why}`);
}
