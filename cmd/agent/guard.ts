import type { PluginConf } from "../../conf/types";
import type { Node } from "../../lib/attachment/context";
import { toCniError } from "../../lib/cni/error";
import { createGuard } from "../../lib/marks/nftables/guard";
import type { NftRunner } from "../../lib/marks/nftables/runner";
import { guardLayer } from "../../lib/reconcile/guard-layer";
import type { Layer } from "../../lib/reconcile/ports";
import type { Leaked } from "../../lib/traffic";
import { enableGuard, mayHaveGuard } from "../backends";
import { countLeaked } from "../leaks";
import type { Say } from "./say";
import type { Settings } from "./settings";

export interface GuardService {
  /** What the reconciler keeps besides the marks; nothing where the guard is off, or nft is missing. */
  layers(conf: PluginConf, node: Node): readonly Layer[];
  /** What it has dropped, for whatever reason; nothing where it is off. */
  dropped(): Promise<readonly Leaked[]>;
}

/** Turns the guard on or off, as the conflist says, now and whenever it changes. */
export function startGuard(settings: Settings, runner: NftRunner, say: Say): GuardService {
  const guard = createGuard(runner);
  const isOn = ({ guard: wanted }: PluginConf): boolean => wanted && runner.has();
  const follow = (): void => {
    const { conf } = settings.current();
    if (isOn(conf)) {
      const problem = enableGuard(conf.dataDir);
      if (problem !== undefined) say({ event: "condition", message: problem });
    } else if (runner.has() && mayHaveGuard(conf.dataDir))
      guard
        .clear()
        .catch((thrown: unknown) =>
          say({ event: "condition", message: toCniError(thrown).message }),
        );
  };
  settings.onChange(follow);
  follow();
  return {
    layers: (conf, node) => (isOn(conf) ? [guardLayer(guard, conf, node)] : []),
    dropped: async () => (isOn(settings.current().conf) ? countLeaked(runner) : []),
  };
}
