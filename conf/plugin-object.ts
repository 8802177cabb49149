/** Our plugin object in a conflist. */
import { isObject, own, type Json, type JsonObject } from "../lib/cni/json";
import { IMPLIED_VERSION } from "../lib/cni/version";

const PLUGIN_TYPES: readonly Json[] = ["tenant-routing-wrapper", "wrapper"];

/** The plugin objects of a conflist, in their order; a plain netconf is a list of one. */
export function pluginsOf(file: JsonObject): readonly JsonObject[] {
  const plugins = own(file, "plugins");
  return Array.isArray(plugins) ? (plugins as readonly Json[]).filter(isObject) : [file];
}

/** True for a plugin object of ours. */
export function isOurPlugin(plugin: JsonObject): boolean {
  return PLUGIN_TYPES.includes(own(plugin, "type") ?? null);
}

/**
 * Our plugin object as libcni sends it: name and cniVersion come from the list. undefined: `file` has
 * none.
 */
export function pluginObject(file: JsonObject): JsonObject | undefined {
  const ours = pluginsOf(file).find(isOurPlugin);
  if (ours === undefined || ours === file) return ours;
  return {
    ...ours,
    name: own(file, "name") ?? "",
    cniVersion: own(file, "cniVersion") ?? IMPLIED_VERSION,
  };
}

/** True for a file name that runtimes read in their configuration directory (libcni, ConfFiles). */
export function isConfName(name: string): boolean {
  return /\.(conf|conflist|json)$/.test(name);
}
