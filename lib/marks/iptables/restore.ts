/** Puts back the rules of many attachments at once: one listing and one transaction in each slot. */
import { settleTogether } from "../../cni/error";
import { familiesOf, type Family } from "../../net/family";
import type { IptablesVariant } from "../../node/host";
import type { RestoreOrder, Restored } from "../../ports";
import { groupBy } from "../../net/group";
import { isConfirmed } from "../restore";
import { attachmentTag } from "../tag";
import { ruleSpecs, type InstalledRule } from "./format";
import type { Slot } from "./programs";
import {
  isIn,
  listableSlots,
  settle,
  VARIANTS,
  type Change,
  type Rules,
  type Tables,
} from "./transaction";

/** An order with what it takes to carry it out. */
interface Wanted {
  readonly order: RestoreOrder;
  readonly tag: string;
  readonly variant: IptablesVariant;
}

/**
 * See `Marks.restore`. The rules of one attachment are replaced together where one of them is not as it
 * should be, because the one that takes the mark off replies must come after the one that sets it.
 * `choose`: the variant for orders without a place.
 */
export async function restore(
  tables: Tables,
  orders: readonly RestoreOrder[],
  choose: () => Promise<IptablesVariant>,
): Promise<readonly Restored[]> {
  const wanted = await Promise.all(orders.map((order) => placed(order, choose)));
  const addresses = [...new Set(orders.flatMap((order) => order.addresses))];
  return tables.locks.hold(addresses, tables.lockTimeoutMs, async () => {
    const families = familiesOf(addresses);
    const listable = await listableSlots(tables, families);
    const slots = withPlaces(listable, wanted, families);
    const confirmed = wanted.filter(({ order }) => isConfirmed(order));
    const home = new Map(confirmed.map(({ tag, variant }) => [tag, variant]));
    const seen: Seen = { taken: new Set(), changed: new Set(), gone: new Set() };
    try {
      const elsewhere = await settleTogether(
        slots.map(async (slot) => {
          const installed = await settle(
            tables,
            listable.filter((each) => isIn(each, slot)),
            undefined,
            (rules) => [changeIn(slot, confirmed, rules, seen)],
          );
          return installed.some((rule) => isMisplaced(rule, home)) ? [slot] : [];
        }),
      );
      // Not before the new ones are there, so that no packet is without a mark.
      await clearMisplaced(tables, elsewhere.flat(), home, seen);
    } finally {
      for (const { order, tag } of confirmed) if (!isConfirmed(order)) seen.gone.add(tag);
      await takeBack(tables, slots, seen.gone);
    }
    return confirmed
      .filter(({ tag }) => !seen.taken.has(tag) && !seen.gone.has(tag))
      .map(({ tag, variant }) => ({ tag, place: variant, changed: seen.changed.has(tag) }));
  });
}

/** Tags of attachments. */
interface Seen {
  /** Others are on their addresses. */
  readonly taken: Set<string>;
  readonly changed: Set<string>;
  /** They were deleted while we were at it. */
  readonly gone: Set<string>;
}

// A table that does not exist cannot be listed, and iptables makes it when a rule is added.
function withPlaces(
  listable: readonly Slot[],
  wanted: readonly Wanted[],
  families: readonly Family[],
): readonly Slot[] {
  const places = VARIANTS.filter((variant) => wanted.some((each) => each.variant === variant))
    .flatMap((variant) => families.map((family) => ({ variant, family })))
    .filter((slot) => !listable.some((each) => isIn(each, slot)));
  return [...listable, ...places];
}

async function placed(
  order: RestoreOrder,
  choose: () => Promise<IptablesVariant>,
): Promise<Wanted> {
  const known = VARIANTS.find((variant) => variant === order.place);
  return { order, tag: attachmentTag(order.key), variant: known ?? (await choose()) };
}

/** The variant in which each attachment's rules belong, by tag. */
type Homes = ReadonlyMap<string, IptablesVariant>;

/** A rule of one of these attachments in another variant than its own. */
function isMisplaced({ tag, variant }: InstalledRule, home: Homes): boolean {
  return home.has(tag) && home.get(tag) !== variant;
}

async function clearMisplaced(
  tables: Tables,
  slots: readonly Slot[],
  home: Homes,
  seen: Seen,
): Promise<void> {
  await settleTogether(
    slots.map((slot) =>
      settle(tables, [slot], undefined, (installed) => {
        const misplaced = installed.filter(
          (rule) => !seen.taken.has(rule.tag) && isMisplaced(rule, home),
        );
        for (const { tag } of misplaced) seen.changed.add(tag);
        return [{ ...slot, additions: [], deletions: misplaced.map(({ spec }) => spec) }];
      }),
    ),
  );
}

// Only in the attachments' own slots.
function changeIn(slot: Slot, wanted: readonly Wanted[], installed: Rules, seen: Seen): Change {
  const rulesOf = groupBy(installed, ({ tag }) => tag);
  const rulesOn = groupBy(installed, ({ address }) => address);
  const deletions: string[] = [];
  const additions: string[] = [];
  for (const { order, tag, variant } of wanted) {
    // Its address may have passed to the other one.
    if (order.addresses.some((address) => rulesOn(address).some((rule) => rule.tag !== tag))) {
      seen.taken.add(tag);
      continue;
    }
    if (variant !== slot.variant) continue;
    const have = rulesOf(tag).map(({ spec }) => spec);
    const want = ruleSpecs(order, slot.family);
    if (have.length === want.length && have.every((spec, i) => spec === want[i])) continue;
    seen.changed.add(tag);
    deletions.push(...have);
    additions.push(...want);
  }
  return { ...slot, deletions, additions };
}

/** Their DEL has come in the meantime, and may have looked before we were done. */
async function takeBack(
  tables: Tables,
  slots: readonly Slot[],
  tags: ReadonlySet<string>,
): Promise<void> {
  if (tags.size === 0) return;
  await settleTogether(
    slots.map((slot) =>
      settle(tables, [slot], undefined, (installed) => [
        {
          ...slot,
          additions: [],
          deletions: installed.filter((rule) => tags.has(rule.tag)).map(({ spec }) => spec),
        },
      ]),
    ),
  );
}
