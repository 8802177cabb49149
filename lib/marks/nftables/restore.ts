/** Puts back the entries of many attachments in one of our tables: one listing and one transaction. */
import { throwTogether } from "../../cni/error";
import type { Locks, RestoreOrder, Restored } from "../../ports";
import { isConfirmed } from "../restore";
import { attachmentTag } from "../tag";
import type { Chain } from "./layout";
import type { Table } from "./table";

export interface RestoreParts {
  readonly table: Table;
  readonly locks: Locks;
  readonly lockTimeoutMs: number;
  /** As records have it. */
  readonly place: string;
  readonly chainOf: (order: RestoreOrder) => Chain;
}

/** See `Marks.restore`. */
export async function restoreMany(
  { table, locks, lockTimeoutMs, place, chainOf }: RestoreParts,
  orders: readonly RestoreOrder[],
): Promise<readonly Restored[]> {
  const addresses = [...new Set(orders.flatMap((order) => order.addresses))];
  return locks.hold(addresses, lockTimeoutMs, async () => {
    const wanted = orders
      .filter(isConfirmed)
      .map((order) => ({ order, tag: attachmentTag(order.key) }));
    const entries = wanted.map(({ order, tag }) => ({ ...order, tag, chain: chainOf(order) }));
    const gone = new Set<string>();
    const { changed, taken, errors } = await table.restore(entries).finally(async () => {
      // Their DEL has come in the meantime, and may have removed before we were done.
      for (const { order, tag } of wanted) if (!isConfirmed(order)) gone.add(tag);
      await table.remove([...gone], []);
    });
    throwTogether(errors);
    return wanted
      .filter(({ tag }) => !taken.has(tag) && !gone.has(tag))
      .map(({ tag }) => ({ tag, place, changed: changed.has(tag) }));
  });
}
