import type { PluginConf } from "../../../conf/types";
import { CniError } from "../../../lib/cni/error";
import { quote } from "../../../lib/cni/json";
import { frrConfig } from "../../../lib/routes/router/frr";
import { routerModel, type RouterModel } from "../../../lib/routes/router/model";
import { nftablesConfig } from "../../../lib/routes/router/nftables";
import { routerosConfig } from "../../../lib/routes/router/routeros";
import type { Io } from "../../io";

const FORMATS: ReadonlyMap<string, (model: RouterModel) => string> = new Map([
  ["nftables", nftablesConfig],
  ["frr", frrConfig],
  ["routeros", routerosConfig],
]);

/**
 * `wrapper routes router-config --format FORMAT`: prints the upstream router's configuration, and
 * returns 0. Throws CniError `invalidEnvironment` for another format, and what `routerModel`
 * throws.
 */
export function routerConfigCommand(io: Io, conf: PluginConf, format: string): number {
  const print = FORMATS.get(format);
  if (print === undefined) {
    throw new CniError(
      "invalidEnvironment",
      `unknown format ${quote(format)} of a router's configuration: use ${[...FORMATS.keys()].join(", ")}`,
    );
  }
  io.stdout(print(routerModel(conf)));
  return 0;
}
