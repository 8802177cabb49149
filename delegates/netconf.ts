/** What a delegate gets on stdin. */
import type { PluginConf } from "../conf/types";
import { mergePatch } from "../conf/merge-patch";
import { isObject, own, type Json, type JsonObject } from "../lib/cni/json";
import type { Verb } from "../lib/cni/request";
import { atLeast, type CniVersion } from "../lib/cni/version";

/** The delegate object for a pod of this tenant: the conflist's with the tenant's merge patch on it. */
export function effectiveDelegate(base: JsonObject, patch: JsonObject | undefined): JsonObject {
  return patch === undefined ? base : (mergePatch(base, patch) as JsonObject);
}

/** Every delegate object that a pod of this configuration may have, the conflist's own first; none when chained. */
export function distinctDelegates({
  delegate,
  tenants,
}: Pick<PluginConf, "delegate" | "tenants">): readonly JsonObject[] {
  if (delegate === undefined) return [];
  const all = [
    delegate,
    ...(tenants ?? []).map((tenant) => effectiveDelegate(delegate, tenant.delegate)),
  ];
  return [...new Map(all.map((netconf) => [JSON.stringify(netconf), netconf])).values()];
}

/**
 * The complete netconf for a verb (SPEC.md, "Delegated Plugin Execution"): the delegate object plus
 * our name and cniVersion always, runtimeConfig, args and dns when we were given them, prevResult
 * for CHECK and DEL (from 0.4.0), the attachment lists for GC. None of our own keys.
 */
export function delegateNetconf(
  conf: PluginConf,
  delegate: JsonObject,
  verb: Verb,
  prevResult: Json | undefined,
): JsonObject {
  const out: Record<string, Json> = { ...delegate, cniVersion: conf.cniVersion, name: conf.name };
  if (verb === "GC") return { ...out, ...conf.gc };
  if (verb === "STATUS") return out;
  const { runtimeConfig, args, dns } = conf;
  const given = {
    runtimeConfig,
    args,
    dns: out["dns"] ?? dns,
    prevResult: passesPrevious(conf, verb) ? prevResult : undefined,
  };
  for (const [key, value] of Object.entries(given)) if (value !== undefined) out[key] = value;
  return out;
}

function passesPrevious(conf: PluginConf, verb: Verb): boolean {
  return (verb === "CHECK" || verb === "DEL") && atLeast(conf.cniVersion as CniVersion, "0.4.0");
}

/** The type of the delegate's IPAM plugin; undefined where it names none. */
export function ipamType(delegate: JsonObject): string | undefined {
  const ipam = own(delegate, "ipam");
  const type = isObject(ipam) ? own(ipam, "type") : undefined;
  return typeof type === "string" && type !== "" ? type : undefined;
}

/** The type of a delegate object; validation has made sure that it is a string. */
export function delegateType(delegate: JsonObject): string {
  return String(delegate["type"] ?? "");
}
