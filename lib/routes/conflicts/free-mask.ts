/** Pure: mark bits that nobody else uses. */
import { formatMark, type Mark } from "../../net/mark";
import { REGISTRY } from "./known-users";
import type { MarkUse } from "../model";
import { listText } from "../text";

const BITS = 32;

/** One mask for all tenants and a value for each, in their order. */
export interface Proposal {
  readonly mask: number;
  readonly marks: readonly Mark[];
  /** Known users that are not on this node and would use some of these bits. */
  readonly alsoUsedBy: readonly string[];
}

/**
 * A run of contiguous bits, wide enough for `count` values other than 0, that no use on this node
 * claims: the one that the fewest known users claim elsewhere, and of those the lowest. Users of the
 * whole mark are left aside, since no mask avoids them. undefined when no run is free.
 */
export function proposeMarks(count: number, uses: readonly MarkUse[]): Proposal | undefined {
  const width = BITS - Math.clz32(Math.max(count, 1));
  const claimed = uses
    .filter(({ whole }) => !whole)
    .reduce((bits, { mask }) => (bits | mask) >>> 0, 0);
  const free = Array.from({ length: BITS - width + 1 }, (_, low) => runOf(low, width)).filter(
    (mask) => (mask & claimed) === 0,
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

/** The proposal as the end of a sentence, with the tenants' names. */
export function proposalText(tenants: readonly string[], uses: readonly MarkUse[]): string {
  const proposal = proposeMarks(tenants.length, uses);
  const whole = [...new Set(uses.filter((use) => use.whole).map(({ where }) => where))];
  const aside =
    whole.length === 0
      ? ""
      : `, apart from ${listText(whole, 2)}, whose use of the whole mark no mask avoids`;
  if (proposal === undefined)
    return `no run of bits is free on this node for ${tenants.length} tenants${aside}`;
  const marks = tenants.map(
    (tenant, i) =>
      `${tenant} ${formatMark(proposal.marks[i] ?? { value: 0, mask: proposal.mask })}`,
  );
  const elsewhere =
    proposal.alsoUsedBy.length === 0
      ? ""
      : ` (elsewhere used by ${listText(proposal.alsoUsedBy, 3)})`;
  return `free on this node: ${listText(marks, 8)}${elsewhere}${aside}`;
}

function runOf(low: number, width: number): number {
  return 2 ** (low + width) - 2 ** low;
}

function knownUsersOf(mask: number): readonly string[] {
  const partial = REGISTRY.filter(({ bits }) =>
    bits.some((each) => each.mask !== 0xffffffff && (each.mask & mask) !== 0),
  );
  return partial.map(({ name }) => name);
}
