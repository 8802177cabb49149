/** What backends share for putting many marks back. */
import { type CniError, throwTogether, toCniError } from "../cni/error";
import type { MarkOrder, Marks, RestoreOrder, Restored } from "../ports";
import { attachmentTag } from "./tag";

/**
 * A restore() for a backend that has no way of its own to do many at once: each by install(). An order whose
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

/** True unless the order's confirm() throws: it is still wanted. */
export function isConfirmed({ confirm }: Pick<MarkOrder, "confirm">): boolean {
  try {
    confirm?.();
    return true;
  } catch {
    return false;
  }
}
