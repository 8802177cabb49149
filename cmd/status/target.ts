/** The conflist that a node is judged by, also when the runtime does not use it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConf } from "../../conf/load";
import { pluginObject } from "../../conf/plugin-object";
import { chooseConf, readConfDir } from "../../lib/checks/runtime/conf-dir";
import type { Conflist } from "../../lib/checks/runtime/checks";
import { readRuntimePaths, type RuntimePaths } from "../../lib/checks/runtime/runtime-conf";
import { CniError, toCniError } from "../../lib/cni/error";
import type { JsonObject } from "../../lib/cni/json";
import { DEFAULT_CONF_DIR, findConf, readObject } from "../conflist";

const CONTAINERD_CONF = "/etc/containerd/config.toml";

/** Where the runtime looks, as far as its configuration can be read and says so. */
export function runtimePaths(): RuntimePaths & { readonly confDir: string } {
  let text = "";
  try {
    text = readFileSync(CONTAINERD_CONF, "utf8");
  } catch {
    // Another runtime, or its defaults.
  }
  const paths = readRuntimePaths(text);
  return { ...paths, confDir: paths.confDir ?? DEFAULT_CONF_DIR };
}

/**
 * The conflist that is named, else the first one of ours in `confDir`, else one of ours that was renamed
 * so that no runtime reads it. Throws CniError `invalidConfig`, `decode` or `io`.
 */
export function findConflist(named: string | undefined, confDir: string): Conflist {
  const path = named ?? pathIn(confDir);
  const list = readObject(path);
  const { conf } = findConf(path);
  return { path, list, conf, refused: refusalOf(list) };
}

function pathIn(dir: string): string {
  const { ours, aside } = chooseConf(readConfDir(dir));
  const file = ours[0] ?? aside.at(-1);
  if (file !== undefined) return join(dir, file.name);
  throw new CniError("invalidConfig", `no conflist with our plugin in ${dir}`);
}

function refusalOf(list: JsonObject): string | undefined {
  try {
    loadConf(pluginObject(list) ?? {}, "ADD");
    return undefined;
  } catch (thrown) {
    return toCniError(thrown).message;
  }
}
