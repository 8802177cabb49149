import type { PluginConf } from "../../../conf/types";
import { CniError } from "../../../lib/cni/error";
import { quote } from "../../../lib/cni/json";
import { frrConfig } from "../../../lib/routes/router/frr";
import { routerModel, type RouterModel } from "../../../lib/routes/router/model";
import { nftablesConfig } from "../../../lib/routes/router/nftables";
import { routerosConfig } from "../../../lib/routes/router/routeros";
import { ROUTER_FORMATS, type RouterFormat } from "../../command";
import type { Io } from "../../io";

const FORMATS: Readonly<Record<RouterFormat, (model: RouterModel) => string>> = {
  nftables: nftablesConfig,
  frr: frrConfig,
  routeros: routerosConfig,
};

/**
 * `wrapper routes router-config --format FORMAT`: prints the upstream router's configuration, and
 * returns 0. Throws CniError `invalidEnvironment` for another format, and what `routerModel`
 * throws.
 */
export function routerConfigCommand(io: Io, conf: PluginConf, format: string): number {
  const known = ROUTER_FORMATS.find((each) => each === format);
  if (known === undefined) {
    throw new CniError(
      "invalidEnvironment",
      `unknown format ${quote(format)} of a router's configuration: use ${ROUTER_FORMATS.join(", ")}`,
    );
  }
  io.stdout(FORMATS[known](routerModel(conf)));
  return 0;
}
