/** The conflist that a node is judged by, also when the runtime does not use it. */
import { join } from "node:path";
import { loadConf } from "../../conf/load";
import type { Conflist } from "../../lib/checks/runtime/checks";
import { netDirOf } from "../../lib/checks/net-dir";
import { isOwnPlugin, listedPlugins, ownPlugin } from "../../lib/cni/conflist";
import { CniError, toCniError } from "../../lib/cni/error";
import type { JsonObject } from "../../lib/cni/json";
import { readNetDir } from "../../lib/node/cni/net-dir";
import { findConf, readObject } from "../conflist";

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
  const { ours, renamed } = netDirOf(readNetDir(dir));
  const file = ours ?? renamed.at(-1);
  if (file !== undefined) return join(dir, file.name);
  throw new CniError("invalidConfig", `no conflist with our plugin in ${dir}`);
}

function refusalOf(list: JsonObject): string | undefined {
  const before = listedPlugins(list)?.findIndex(isOwnPlugin) ?? 0;
  try {
    // Behind other plugins ADD is handed their result, so a delegate is not missing.
    loadConf({ ...ownPlugin(list), ...(before > 0 ? { prevResult: {} } : {}) }, "ADD");
    return undefined;
  } catch (thrown) {
    return toCniError(thrown).message;
  }
}
