/** The guard's entries as a layer, which is kept as the marks are. */
import type { PluginConf } from "../../conf/types";
import type { Guard, Guarded } from "../marks/nftables/guard";
import { restoreOneByOne } from "../marks/restore";
import type { InstalledMark, Locks, Marking } from "../ports";
import type { Layer } from "./ports";

/** Where the guard's entries are, for those that compare them with the records. */
const PLACE = "guard";

/** The guard beside the marks. */
export function guardLayer(
  guard: Guard,
  { lockTimeoutMs }: Pick<PluginConf, "lockTimeoutMs">,
  { locks }: { readonly locks: Locks },
): Layer {
  const marks = {
    install: (order: Parameters<Guard["set"]>[0]) =>
      locks.hold(order.addresses, lockTimeoutMs, async () => {
        order.confirm?.();
        await guard.set(order);
        return { place: PLACE, evicted: [] };
      }),
    remove: (tags: readonly string[]) => guard.remove(tags),
  };
  return {
    name: "guard",
    backend: {
      pieces: ({ addresses, mark, markReplies }) =>
        addresses.map((address) => ({ address, piece: pieceName(markReplies), mark })),
    },
    marks: {
      ...marks,
      restore: (orders) => restoreOneByOne(marks, orders),
      list: async () => (await guard.list()).guarded.map(toInstalledMark),
    },
  };
}

function toInstalledMark({ address, tag, label, mark, markReplies }: Guarded): InstalledMark {
  const piece = pieceName(markReplies);
  return { backend: PLACE, tag, label, address, piece, mark, text: `${address} in the guard` };
}

function pieceName(markReplies: Marking["markReplies"]): string {
  return markReplies ? "guard entry with replies" : "guard entry";
}
