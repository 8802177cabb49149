/** The guard's entries as a layer, which is kept as the marks are. */
import type { PluginConf } from "../../conf/types";
import { GUARD_PLACE, type Guard, type Guarded } from "../marks/nftables/guard";
import type { InstalledMark, Locks, Marking } from "../ports";
import type { Layer } from "./ports";

/** The guard beside the marks. */
export function guardLayer(
  guard: Guard,
  { lockTimeoutMs }: Pick<PluginConf, "lockTimeoutMs">,
  { locks }: { readonly locks: Locks },
): Layer {
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
  const text = `${address} in the guard`;
  return { backend: GUARD_PLACE, tag, label, address, piece, mark, text };
}

function pieceName(markReplies: Marking["markReplies"]): string {
  return markReplies ? "guard entry with replies" : "guard entry";
}
