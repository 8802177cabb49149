/** A way of the node by which tenants' packets may not leave (decision 0120). */
import type { Prefix } from "../net/address";
import type { Family } from "../net/family";
import type { Mark } from "../net/mark";

/** A gateway of one of the node's default routes, and the marks that may not leave by it. */
export interface GuardedWay {
  readonly family: Family;
  readonly dev: string;
  /** undefined: the device leads there alone. */
  readonly via: string | undefined;
  /** Networks where they may go all the same; none of them inside another. */
  readonly free: readonly Prefix[];
  readonly stopped: readonly { readonly mark: Mark; readonly whose: string }[];
}
