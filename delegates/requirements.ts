/** What must be true of a delegate's netconf before it runs; the likeliest mistakes, told early. */
import type { JsonObject } from "../lib/ports";
import { CniError } from "../lib/cni/error";
import { isObject, own } from "../lib/cni/json";
import { bridgeProblems } from "./bridge";
import { findPlugin } from "./find";
import { delegateType } from "./netconf";
import { ptpProblems } from "./ptp";

/** Plugin types with checks of their own; every other type runs as it is. */
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
  const ipam = own(delegate, "ipam");
  const ipamType = isObject(ipam) ? own(ipam, "type") : undefined;
  if (typeof ipamType === "string" && ipamType !== "") findPlugin(ipamType, path);
  return executable;
}
