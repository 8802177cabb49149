/** The guard: forwarded packets of a tenant's pod that do not carry its mark are dropped and counted. */
import { sameMark, type Mark } from "../../net/mark";
import type { Marking, MarkOrder, Restored, RestoreOrder } from "../../ports";
import { attachmentTag } from "../tag";
import { GUARD, guardChain, type Chain } from "./layout";
import { isBaseIntact, isChainIntact, type Listing } from "./listing";
import { restoreMany, type RestoreParts } from "./restore";
import type { NftRunner } from "./runner";
import { createTable, type Placed } from "./table";

/** What the guard has for one address. */
export interface Guarded {
  readonly address: string;
  readonly tag: string;
  readonly label: string;
  /** The mark that packets must carry; undefined: it does not do what was installed. */
  readonly mark: Mark | undefined;
  readonly markReplies: boolean;
}

/** Packets without a mark that were dropped since the table was made. */
export interface Dropped {
  readonly mark: Mark;
  readonly packets: number;
  readonly bytes: number;
}

/** The locks that a restore holds, for so long at most (ms). */
export type GuardLocks = Pick<RestoreParts, "locks" | "lockTimeoutMs">;

/** Where its entries are, for those that compare them with the records. */
export const GUARD_PLACE = "guard";

/** All methods throw CniError `rules`, or `tryAgainLater` for an nft that hangs. */
export interface Guard {
  /**
   * Before the mark of these addresses is put in force: others' entries go, and one of this attachment lets
   * the new mark pass beside the old one.
   */
  prepare(order: MarkOrder): Promise<void>;
  /** From now on, forwarded packets from these addresses must carry the mark. */
  set(order: MarkOrder): Promise<void>;
  /** Entries of many attachments at once; see `Marks.restore`. */
  restore(orders: readonly RestoreOrder[], under: GuardLocks): Promise<readonly Restored[]>;
  /** Removes all entries of these addresses. */
  evict(addresses: readonly string[]): Promise<void>;
  /** Removes the entries of these tags; with `addresses`, they are nowhere else. */
  remove(tags: readonly string[], addresses?: readonly string[]): Promise<void>;
  list(): Promise<{ readonly guarded: readonly Guarded[]; readonly dropped: readonly Dropped[] }>;
  /** Removes the guard as a whole. */
  clear(): Promise<void>;
}

/** The entry for an order. */
export function guardEntry(order: MarkOrder): Placed {
  const { key, label, addresses } = order;
  const entry = { tag: attachmentTag(key), label, addresses, chain: chainOf(order) };
  return { layout: GUARD, entry };
}

/** The guard in the table `inet tenant-routing-guard`. */
export function createGuard(runner: NftRunner): Guard {
  const table = createTable(runner, GUARD);
  const put = async (order: MarkOrder, marks: readonly Mark[]): Promise<void> => {
    const { key, label, addresses, markReplies } = order;
    const chain = guardChain(marks, markReplies);
    await table.put({ tag: attachmentTag(key), label, addresses, chain });
  };
  return {
    prepare: async (order) => {
      if (await table.areFree(order.addresses)) return;
      const old = oldMarking(await table.list(), order);
      if (old === undefined) await table.evict(order.addresses);
      else if (!sameMark(old.mark, order.mark) || old.markReplies !== order.markReplies)
        await put({ ...order, markReplies: old.markReplies && order.markReplies }, [
          order.mark,
          old.mark,
        ]);
    },
    set: (order) => put(order, [order.mark]),
    restore: (orders, under) =>
      restoreMany({ ...under, table, place: GUARD_PLACE, chainOf }, orders),
    evict: async (addresses) => void (await table.evict(addresses)),
    remove: (tags, addresses) => table.remove(tags, addresses),
    list: async () => {
      const listing = await table.list();
      return { guarded: guardedIn(listing), dropped: droppedIn(listing) };
    },
    clear: async () => {
      const name = `inet ${GUARD.table}`;
      runner.known.forget();
      await runner.run([`add table ${name}`, `delete table ${name}`]);
    },
  };
}

function chainOf({ mark, markReplies }: Marking): Chain {
  return guardChain([mark], markReplies);
}

/** What the attachment had, if every element on its addresses is its own. */
function oldMarking(
  { elements }: Listing,
  { key, addresses }: MarkOrder,
): Pick<Marking, "mark" | "markReplies"> | undefined {
  const tag = attachmentTag(key);
  const present = elements.filter(({ address }) => addresses.includes(address));
  if (present.some(({ owner }) => owner?.tag !== tag)) return undefined;
  const chain = GUARD.chain(present[0]?.chain ?? "");
  const [mark] = chain?.marks ?? [];
  return chain === undefined || mark === undefined
    ? undefined
    : { mark, markReplies: chain.markReplies };
}

function guardedIn(listing: Listing): readonly Guarded[] {
  const base = isBaseIntact(GUARD, listing);
  return listing.elements.flatMap(({ address, owner, chain: name }) => {
    if (owner === undefined) return [];
    const chain = GUARD.chain(name);
    const intact =
      base && chain !== undefined && chain.marks.length === 1 && isChainIntact(chain, listing);
    const mark = intact ? chain.marks[0] : undefined;
    return [{ ...owner, address, mark, markReplies: chain?.markReplies ?? false }];
  });
}

function droppedIn({ counters }: Listing): readonly Dropped[] {
  return [...counters].flatMap(([name, counted]) => {
    const [mark] = GUARD.chain(name)?.marks ?? [];
    return mark === undefined ? [] : [{ mark, ...counted }];
  });
}
