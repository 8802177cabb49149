/** Pure: what a delegate gets on stdin. */
import type { PluginConf } from "../conf/types";
import { mergePatch } from "../conf/merge-patch";
import type { Json, JsonObject } from "../lib/ports";
import type { Verb } from "../lib/cni/request";
import { atLeast, type CniVersion } from "../lib/cni/version";

/** The delegate object for a pod of this tenant: the conflist's with the tenant's merge patch on it. */
export function effectiveDelegate(base: JsonObject, patch: JsonObject | undefined): JsonObject {
  return patch === undefined ? base : (mergePatch(base, patch) as JsonObject);
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
  if (conf.runtimeConfig !== undefined) out["runtimeConfig"] = conf.runtimeConfig;
  if (conf.args !== undefined) out["args"] = conf.args;
  if (conf.dns !== undefined && out["dns"] === undefined) out["dns"] = conf.dns;
  const takesPrevious = verb === "CHECK" || verb === "DEL";
  if (takesPrevious && prevResult !== undefined && atLeast(conf.cniVersion as CniVersion, "0.4.0")) {
    out["prevResult"] = prevResult;
  }
  return out;
}

/** The type of a delegate object; validation has made sure that it is a string. */
export function delegateType(delegate: JsonObject): string {
  return String(delegate["type"] ?? "");
}
