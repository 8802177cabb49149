/** What a command that a person runs takes by default: our plugin object in a conflist, and where the plugins are. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { loadConf } from "../conf/load";
import type { PluginConf } from "../conf/types";
import type { Kubelet } from "../lib/checks/kinds/access";
import { isRead } from "../lib/checks/net-dir";
import { ownPlugin } from "../lib/cni/conflist";
import { CniError } from "../lib/cni/error";
import { isObject, parseJson, type JsonObject } from "../lib/cni/json";
import { pluginDirs, type Verb } from "../lib/cni/request";
import { DEFAULT_DIRS } from "../lib/node/cni/distributions";
import { readRuntimeDirs, type RuntimeDirs } from "../lib/node/cni/runtime-dirs";
import { reasonOf } from "../lib/text/reason";
import { DEFAULT_CNI_PATH, type Values } from "./command";
import type { Io } from "./io";

export interface FoundConf {
  readonly path: string;
  readonly conf: PluginConf;
  readonly warnings: readonly string[];
}

/**
 * Our configuration in `path` (a conflist, or a plain netconf), or in the first file of
 * the runtime's directory that has one, judged as strictly as `verb` judges it; by default as DEL does, so
 * that a person at the node can look even when the file is wrong for ADD. Throws CniError
 * `invalidConfig` or `io` naming what was looked at.
 */
export function findConf(path: string | undefined, verb: Verb = "DEL"): FoundConf {
  const place = path ?? runtimeConfDir();
  const candidates = path === undefined ? confFiles(place) : [path];
  for (const candidate of candidates) {
    const netconf = ownPlugin(readObject(candidate));
    if (netconf === undefined) continue;
    return { path: candidate, ...loadConf(netconf, verb) };
  }
  throw new CniError(
    "invalidConfig",
    `no plugin of type tenant-routing-wrapper in ${place}: name the conflist with --conf FILE`,
  );
}

function confFiles(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
      .filter(isRead)
      .sort()
      .map((name) => join(dir, name));
  } catch (error) {
    throw new CniError(
      "io",
      `${dir} cannot be read (${reasonOf(error)}): name the conflist with --conf FILE`,
    );
  }
}

/** The JSON object in a file. Throws CniError `io` or `decode`. */
export function readObject(path: string): JsonObject {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new CniError("io", `${path} cannot be read: ${reasonOf(error)}`);
  }
  const value = parseJson(bytes, path);
  if (!isObject(value)) throw new CniError("decode", `${path} is not a JSON object`);
  return value;
}

/** The kubelet beside a runtime; its kubeconfig only if it is there. */
export function kubeletOf(found: RuntimeDirs | undefined): Kubelet | undefined {
  if (found === undefined) return undefined;
  const { name, kubeconfig, restart } = found.distribution;
  return { name, restart, kubeconfig: existsSync(kubeconfig) ? kubeconfig : undefined };
}

/** Where this node's runtime looks for conflists. */
export function runtimeConfDir(): string {
  return readRuntimeDirs()?.confDir ?? DEFAULT_DIRS.confDir;
}

/**
 * Where a command finds CNI plugins: --cni-path, else where the runtime looked at an attachment's ADD
 * (`recorded`), else $CNI_PATH of `env`, else as defaultCniPath says. Throws CniError `invalidEnvironment`
 * for a relative directory.
 */
export function cniPath(
  { cniPath: option }: Values,
  env: Io["env"],
  recorded?: readonly string[],
): readonly string[] {
  if (option !== undefined) return pluginDirs("--cni-path", option);
  if (recorded !== undefined) return recorded;
  const { CNI_PATH: path } = env;
  return path ? pluginDirs("CNI_PATH", path) : defaultCniPath();
}

/** Where the runtime looks for plugins, then where packages and releases put them; each directory once. */
export function defaultCniPath(): readonly string[] {
  return [...new Set([...(readRuntimeDirs()?.binDirs ?? []), ...DEFAULT_CNI_PATH.split(":")])];
}
