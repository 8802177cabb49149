/** The delegates alone: what CNI STATUS can look for, which is not told the rest of the list. */
import type { PluginConf } from "../../../conf/types";
import type { Check } from "../run";
import { findNeeded, neededPlugins, type PluginPlaces } from "./plugins";

/** The delegate, those of the tenants, and their IPAM plugins. */
export function delegateCheck(conf: PluginConf, places: PluginPlaces): Check {
  return {
    ...{ name: "delegates", category: "runtime", local: true },
    look: async () => ({
      findings: neededPlugins({}, conf).flatMap((each) => findNeeded(each, places).findings),
    }),
  };
}
