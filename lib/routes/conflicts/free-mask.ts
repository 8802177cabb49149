/** Pure: marks that nobody else uses, as a proposal. */
import { FULL_MASK } from "../../net/mark";
import type { FreeMarks, Proposal } from "./kinds";
import { KNOWN_USERS } from "./known-users";
import type { MarkUse } from "../model";

const BITS = 32;

/**
 * A run of bits that no use on this node needs, wide enough for `count` values other than 0: the
 * one that the fewest known users need elsewhere, and of those the lowest. Uses of the whole mark
 * do not count, since no mask avoids them. undefined: no run is free.
 */
export function proposeMarks(count: number, uses: readonly MarkUse[]): Proposal | undefined {
  const width = BITS - Math.clz32(Math.max(count, 1));
  const used = uses
    .filter(({ whole }) => !whole)
    .reduce((bits, { mask }) => (bits | mask) >>> 0, 0);
  const free = Array.from({ length: BITS - width + 1 }, (_, low) => runOf(low, width)).filter(
    (mask) => (mask & used) === 0,
  );
  const ranked = free
    .map((mask) => ({ mask, alsoUsedBy: knownUsersOf(mask) }))
    .sort((a, b) => a.alsoUsedBy.length - b.alsoUsedBy.length);
  const [best] = ranked;
  if (best === undefined) return undefined;
  const lowest = 2 ** (BITS - 1 - Math.clz32(best.mask & -best.mask));
  return {
    ...best,
    marks: Array.from({ length: count }, (_, i) => ({ value: (i + 1) * lowest, mask: best.mask })),
  };
}

/** The marks that the tenants could have beside these uses. */
export function freeMarks(tenants: readonly string[], uses: readonly MarkUse[]): FreeMarks {
  return {
    tenants,
    proposal: proposeMarks(tenants.length, uses),
    unavoidable: uses.filter(({ whole }) => whole).map(({ by }) => by),
  };
}

function runOf(low: number, width: number): number {
  return 2 ** (low + width) - 2 ** low;
}

function knownUsersOf(mask: number): readonly string[] {
  const partial = KNOWN_USERS.filter(({ bits }) =>
    bits.some((each) => each.mask !== FULL_MASK && (each.mask & mask) !== 0),
  );
  return partial.map(({ name }) => name);
}
