/** Restoring for marks in memory. */
import { type CniError, throwTogether, toCniError } from "../../lib/cni/error";
import { isConfirmed } from "../../lib/marks/restore";
import { attachmentTag } from "../../lib/marks/tag";
import type { Marks, RestoreOrder, Restored } from "../../lib/ports";

/**
 * A restore() that does each by install(). An order whose
 * confirm() throws is passed over. Throws all failures together at the end.
 */
export async function restoreOneByOne(
  marks: Pick<Marks, "install" | "remove">,
  orders: readonly RestoreOrder[],
): Promise<readonly Restored[]> {
  const failures: CniError[] = [];
  const done: Restored[] = [];
  for (const order of orders) {
    const tag = attachmentTag(order.key);
    try {
      if (!isConfirmed(order)) continue;
      const { place } = await marks.install(order);
      if (isConfirmed(order)) done.push({ tag, place, changed: true });
      else await marks.remove([tag], { backend: place, addresses: order.addresses });
    } catch (thrown) {
      // A confirm() that threw in install() says that a DEL has come.
      if (isConfirmed(order)) failures.push(toCniError(thrown));
    }
  }
  throwTogether(failures);
  return done;
}
