import { pluginDirs } from "../lib/cni/request";
import type { Values } from "./cli";
import type { Io } from "./io";

const DEFAULT_CNI_PATH = "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni";

/**
 * Where a command finds CNI plugins: --cni-path, else where the runtime looked at an attachment's ADD
 * (`recorded`), else $CNI_PATH of `env`, else where packages and releases put them. Throws CniError
 * `invalidEnvironment` for a relative directory.
 */
export function cniPath(
  values: Values,
  env: Io["env"],
  recorded?: readonly string[],
): readonly string[] {
  const option = values["cni-path"];
  if (typeof option === "string") return pluginDirs("--cni-path", option);
  if (recorded !== undefined) return recorded;
  return pluginDirs("CNI_PATH", env["CNI_PATH"] || DEFAULT_CNI_PATH);
}
