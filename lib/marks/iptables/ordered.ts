/**
 * Removing what a record says was installed, without listing it first. Whatever is another way than the
 * record says is left to the listing that follows (decision 0082).
 */
import { type CniError, ERRORS, toCniError } from "../../cni/error";
import { canonicalAddress, parsePrefix } from "../../net/address";
import { familiesOf } from "../../net/family";
import type { MarkOrder, MarkPlace } from "../../ports";
import { restoreInput, ruleSpecs } from "./format";
import type { Slot } from "./programs";
import { slotsWithRules, VARIANTS, type Tables } from "./transaction";

/** What removeOrdered() has begun. */
export interface OrderedRemoval {
  /** Resolves when the rules of the order are out of force, or it has failed; never rejects. */
  readonly settled: Promise<void>;
  /** Resolves when its programs have ended. Rejects only for a lock that stays busy: to try again is then no use. */
  readonly ended: Promise<void>;
}

/**
 * One transaction per family that names every rule of the order. Calls `outOfForce` when all are, and never
 * when one failed: a rule may be gone, or have been changed by hand.
 */
export function removeOrdered(
  tables: Tables,
  known: MarkPlace | undefined,
  outOfForce: () => void,
): OrderedRemoval {
  let settle = (): void => {};
  const settled = new Promise<void>((resolve) => (settle = resolve));
  const ended = run(tables, known, () => {
    outOfForce();
    settle();
  }).finally(() => settle());
  // It is waited for after the listing.
  ended.catch(() => {});
  return { settled, ended };
}

async function run(
  tables: Tables,
  known: MarkPlace | undefined,
  committed: () => void,
): Promise<void> {
  const variant = VARIANTS.find((each) => each === known?.backend);
  const order = known?.order;
  if (variant === undefined || order === undefined || !isSound(order)) return;
  const families = familiesOf(order.addresses);
  const { present } = await slotsWithRules(tables, families, [variant]);
  // Of a family that cannot be listed nothing is known, and the listing says so.
  const waiting = new Set<Slot>(present);
  const done = (slot: Slot): void => {
    if (waiting.delete(slot) && waiting.size === 0 && present.length === families.length)
      committed();
  };
  const outcomes = await Promise.allSettled(
    present.map((slot) =>
      tables.tools.restoreAnd(slot, restoreInput(ruleSpecs(order, slot.family), []), () =>
        done(slot),
      ),
    ),
  );
  const busy = outcomes
    .filter((outcome) => outcome.status === "rejected")
    .map(({ reason }): CniError => toCniError(reason))
    .find(({ code }) => code === ERRORS.tryAgainLater.code);
  if (busy !== undefined) throw busy;
}

// Text from a file: what iptables-restore would read as something else than an address has no place in its input.
function isSound({ addresses }: MarkOrder): boolean {
  return (
    addresses.length > 0 &&
    addresses.every(
      (address) =>
        !address.includes("/") &&
        parsePrefix(address) !== undefined &&
        canonicalAddress(address) === address,
    )
  );
}
