import type { PluginConf } from "../../conf/types";
import type { Layer } from "../../lib/agent/reconcile/ports";
import type { Node } from "../../lib/attachment/context";
import { toCniError } from "../../lib/cni/error";
import {
  createGuard,
  GUARD_PLACE,
  type Dropped,
  type Guard,
  type Guarded,
} from "../../lib/marks/nftables/guard";
import type { NftRunner } from "../../lib/marks/nftables/runner";
import type { InstalledMark, Marking } from "../../lib/ports";
import { enableGuard, mayHaveGuard } from "../backends";
import type { Say } from "./say";
import type { Settings } from "./settings";

export interface GuardService {
  /** What the reconciler keeps besides the marks; nothing where the guard is off, or nft is missing. */
  layers(conf: PluginConf, node: Node): readonly Layer[];
  /** What it has dropped; nothing where it is off. */
  dropped(): Promise<readonly Dropped[]>;
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
    layers: (conf, node) => (isOn(conf) ? [layerOf(guard, conf, node)] : []),
    dropped: async () => (isOn(settings.current().conf) ? (await guard.list()).dropped : []),
  };
}

function layerOf(guard: Guard, { lockTimeoutMs }: PluginConf, { locks }: Node): Layer {
  return {
    name: "guard",
    backend: {
      pieces: ({ addresses, mark, markReplies }) =>
        addresses.map((address) => ({ address, piece: pieceName(markReplies), mark })),
    },
    marks: {
      remove: (tags) => guard.remove(tags),
      restore: (orders) => guard.restore(orders, { locks, lockTimeoutMs }),
      list: async () => (await guard.list()).guarded.map(toInstalledMark),
    },
  };
}

function toInstalledMark({ address, tag, label, mark, markReplies }: Guarded): InstalledMark {
  const piece = pieceName(markReplies);
  return {
    backend: GUARD_PLACE,
    tag,
    label,
    address,
    piece,
    mark,
    text: `${address} in the guard`,
  };
}

function pieceName(markReplies: Marking["markReplies"]): string {
  return markReplies ? "guard entry with replies" : "guard entry";
}
