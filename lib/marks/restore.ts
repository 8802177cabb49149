/** What backends share for putting many marks back. */
import type { MarkOrder } from "../ports";

/** True unless the order's confirm() throws: it is still wanted. */
export function isConfirmed({ confirm }: Pick<MarkOrder, "confirm">): boolean {
  try {
    confirm?.();
    return true;
  } catch {
    return false;
  }
}
