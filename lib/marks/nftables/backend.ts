/** Marks as elements of verdict maps in a table of our own: the cost of a pod does not depend on the others. */
import { familyOf } from "../../net/family";
import type { InstalledMark, Locks, MarkBackend, Marking, MarkOrder, Marks } from "../../ports";
import { attachmentTag } from "../tag";
import { countMarked } from "./counters";
import { guardEntry } from "./guard";
import { markChain, MARKS, type Chain } from "./layout";
import { isBaseIntact, isChainIntact, type Element, type Listing } from "./listing";
import { missingNft, type NftRunner } from "./runner";
import { restoreMany } from "./restore";
import type { Entry } from "./plans";
import { create, createTable, type Table } from "./table";

export interface NftablesOptions {
  /** For each operation, with what its programs get in their environment; may be one and the same. */
  readonly runner: (environment: Readonly<Record<string, string>>) => NftRunner;
  readonly locks: Locks;
  readonly lockTimeoutMs: number;
  /** Whether marks of ours may be in the table; asked only where nft is missing. */
  readonly mayHaveUsed: () => boolean;
}

/** The place of all its marks, as records have it. */
export const PLACE = "nftables";

/** Marks in the table `inet tenant-routing-marks`. Nothing is executed before the first call of an operation. */
export function createNftablesBackend(options: NftablesOptions): MarkBackend {
  return {
    places: [PLACE],
    home: () => PLACE,
    pieces: ({ addresses, mark, markReplies }) =>
      addresses.map((address) => ({ address, piece: pieceName(markReplies), mark })),
    open: (environment) => openMarks(options, options.runner(environment)),
  };
}

function openMarks(options: NftablesOptions, runner: NftRunner): Marks {
  const { locks, lockTimeoutMs, mayHaveUsed } = options;
  const table = createTable(runner, MARKS);
  /** False: nft is missing, and so are marks of ours. */
  const canLook = (): boolean => {
    if (runner.has()) return true;
    if (mayHaveUsed())
      throw missingNft(
        "marks of ours may be there and cannot be seen: install the package nftables",
      );
    return false;
  };
  return {
    anticipate: () => runner.warmUp(),
    ...installs(options, runner, table),
    restore: async (orders) => {
      if (!runner.has()) throw unusable();
      return restoreMany({ table, locks, lockTimeoutMs, place: PLACE, chainOf }, orders);
    },
    evict: async (key, addresses, confirm) => {
      if (!canLook()) return [];
      const tag = attachmentTag(key);
      const evicted = await locks.hold(addresses, lockTimeoutMs, async () => {
        confirm?.();
        return table.evict(addresses);
      });
      return evicted.filter((each) => each !== tag);
    },
    // Needs no lock: a removal names the owner, and a DEL must depend on as little as possible.
    remove: async (tags, known) => {
      if (tags.length > 0 && canLook())
        await table.remove(tags, known?.backend === PLACE ? known.addresses : undefined);
    },
    list: async () => (canLook() ? installedMarks(await table.list()) : []),
    traffic: async () =>
      canLook()
        ? (await countMarked(runner)).map((each) => ({ backend: PLACE, tag: undefined, ...each }))
        : [],
    probe: async () => {
      if (!runner.has()) throw unusable();
      await table.probe(markChain({ value: 1, mask: 1 }, false));
    },
  };
}

function installedMarks(listing: Listing): readonly InstalledMark[] {
  const base = isBaseIntact(MARKS, listing);
  return [...listing.elements]
    .sort((a, b) => familyOf(a.address) - familyOf(b.address))
    .flatMap((element) => toInstalledMark(element, listing, base));
}

function toInstalledMark(
  { address, owner, chain: name, text }: Element,
  listing: Listing,
  base: boolean,
): readonly InstalledMark[] {
  if (owner === undefined) return [];
  const chain = MARKS.chain(name);
  const intact = base && chain !== undefined && isChainIntact(chain, listing);
  return [
    {
      backend: PLACE,
      ...owner,
      address,
      piece: pieceName(chain?.markReplies ?? false),
      mark: intact ? chain.marks[0] : undefined,
      text,
    },
  ];
}

function installs(
  { locks, lockTimeoutMs }: NftablesOptions,
  runner: NftRunner,
  table: Table,
): Required<Pick<Marks, "install" | "installGuarded">> {
  const underLocks = async <T>(
    { addresses, confirm }: MarkOrder,
    body: () => Promise<T>,
  ): Promise<T> => {
    if (!runner.has()) throw unusable();
    return locks.hold(addresses, lockTimeoutMs, async () => {
      confirm?.();
      return body();
    });
  };
  return {
    install: (order) =>
      underLocks(order, async () => ({ place: PLACE, evicted: await table.put(entryOf(order)) })),
    installGuarded: (order) =>
      underLocks(order, async () => {
        const placed = [{ layout: MARKS, entry: entryOf(order) }, guardEntry(order)];
        return (await create(runner, placed)) ? { place: PLACE, evicted: [] } : undefined;
      }),
  };
}

function entryOf(order: MarkOrder): Entry {
  const { key, label, addresses } = order;
  return { tag: attachmentTag(key), label, addresses, chain: chainOf(order) };
}

function chainOf({ mark, markReplies }: Marking): Chain {
  return markChain(mark, markReplies);
}

function pieceName(markReplies: Marking["markReplies"]): string {
  return markReplies ? "map element with replies" : "map element";
}

function unusable(): Error {
  return missingNft('install the package nftables, or set "backend" to iptables');
}
