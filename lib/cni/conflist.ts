/** Pure: a file of net.d as libcni reads it, and our plugin in it. */
import { toCniError } from "./error";
import { isObject, own, parseJson, type Json, type JsonObject } from "./json";
import { IMPLIED_VERSION } from "./version";

/** The types under which this plugin is installed. */
export const OWN_TYPES: readonly string[] = ["tenant-routing-wrapper", "wrapper"];

/** A file of net.d. */
export interface ConfFile {
  /** Without its directory. */
  readonly name: string;
  /** Its bytes, or why there are none: an errno, or what it is instead of a file. */
  readonly content: Uint8Array | { readonly problem: string };
}

/** True for a plugin object of ours. */
export function isOwnPlugin(plugin: JsonObject): boolean {
  const type = own(plugin, "type");
  return typeof type === "string" && OWN_TYPES.includes(type);
}

/** The `plugins` of a conflist; undefined for what is none. What is no object in it is left out. */
export function listedPlugins(file: JsonObject): readonly JsonObject[] | undefined {
  const plugins = own(file, "plugins");
  return Array.isArray(plugins) ? (plugins as readonly Json[]).filter(isObject) : undefined;
}

/**
 * Our plugin object of a conflist, with the list's name and cniVersion, as libcni hands it over; of a
 * plain netconf the object itself. Undefined when it is not there.
 */
export function ownPlugin(file: JsonObject): JsonObject | undefined {
  const plugins = listedPlugins(file);
  if (plugins === undefined) return isOwnPlugin(file) ? file : undefined;
  const ours = plugins.find(isOwnPlugin);
  return ours && asHandedOver(file, ours);
}

/** One plugin object of `list` as libcni hands it over. */
export function asHandedOver(list: JsonObject, plugin: JsonObject): JsonObject {
  return {
    ...plugin,
    name: own(list, "name") ?? "",
    cniVersion: own(list, "cniVersion") ?? IMPLIED_VERSION,
  };
}

/** What a runtime makes of a file that it reads. */
export interface ReadFile {
  readonly name: string;
  /** Type of each plugin, in order. Also of a file that the runtime refuses, as far as it can be read. */
  readonly types: readonly string[];
  /** Whether our plugin is one of them. */
  readonly ours: boolean;
  /** Why the runtime refuses the file, in a sentence that goes on after its name; undefined: it does not. */
  readonly fault: string | undefined;
}

/** What libcni and go-cni make of `file` (libcni/conf.go; go-cni/opts.go `loadFromConfDir`). Never throws. */
export function readConfFile({ name, content }: ConfFile): ReadFile {
  const refused = (fault: string, types: readonly string[] = []): ReadFile => ({
    ...{ name, types, fault },
    ours: types.some((type) => OWN_TYPES.includes(type)),
  });
  if (!(content instanceof Uint8Array)) return refused(`cannot be read (${content.problem})`);
  let value: Json;
  try {
    value = parseJson(content, name);
  } catch (error) {
    return refused(toCniError(error).message.slice(name.length + 1));
  }
  if (!isObject(value)) return refused("is not a JSON object");
  const plugins = listedPlugins(value) ?? [value];
  const types = plugins.map(typeOf).filter((type) => type !== undefined);
  const fault = formFault(name, value, types.length < plugins.length);
  return { ...refused("", types), fault };
}

function typeOf(plugin: JsonObject): string | undefined {
  const type = own(plugin, "type");
  return typeof type === "string" && type !== "" ? type : undefined;
}

function formFault(name: string, file: JsonObject, lacksType: boolean): string | undefined {
  const plugins = own(file, "plugins");
  if (!name.endsWith(".conflist")) {
    if (typeOf(file) !== undefined) return undefined;
    return plugins === undefined
      ? 'has no "type"'
      : "is a list of plugins, which runtimes accept in a file named *.conflist only";
  }
  if (plugins === undefined)
    return 'has no "plugins": a single plugin goes into a file named *.conf';
  if (!Array.isArray(plugins) || plugins.length === 0) return 'has no plugins in "plugins"';
  if (own(file, "name") === undefined || own(file, "name") === "") return 'has no "name"';
  return lacksType ? 'has a plugin without "type"' : undefined;
}
