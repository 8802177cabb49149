/** Where this node's container runtime looks, as defaults of the commands. */
import { pluginDirs } from "../lib/cni/request";
import { DEFAULT_DIRS } from "../lib/node/cni/distributions";
import { readRuntimeDirs } from "../lib/node/cni/runtime-dirs";
import { DEFAULT_CNI_PATH, type Values } from "./command";
import type { Io } from "./io";

/** Where it looks for conflists. */
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
