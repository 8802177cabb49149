/** Pure: from what one of our tables has to the commands that make it what it should be. */
import { CniError } from "../../cni/error";
import { familyOf } from "../../net/family";
import { groupBy } from "../../net/group";
import { formatComment } from "../tag";
import {
  createElement,
  deleteOwned,
  ensureBase,
  ensureChain,
  ownerOf,
  remakeBase,
  type Chain,
  type Layout,
} from "./layout";
import { isBaseHeader, isBaseIntact, isChainIntact, type Element, type Listing } from "./listing";

/** What goes onto addresses. */
export interface Entry {
  readonly tag: string;
  readonly label: string;
  readonly addresses: readonly string[];
  readonly chain: Chain;
}

/** The entry's elements; they fail (EEXIST) where the address has another one. */
export function elementsOf(
  layout: Layout,
  { tag, label, addresses, chain }: Entry,
): readonly string[] {
  const comment = formatComment(label, tag);
  return distinct(addresses).flatMap((address) =>
    createElement(layout, address, { tag, comment, chain: chain.name }),
  );
}

/** Puts the entry there in place of whatever of ours is on its addresses. Throws CniError `rules` for what is not ours. */
export function replacing(layout: Layout, entry: Entry, listing: Listing): readonly string[] {
  const { tag, addresses, chain } = entry;
  const stranger = listing.elements.find(
    (element) => element.owner === undefined && addresses.includes(element.address),
  );
  if (stranger !== undefined) throw occupied(layout, stranger);
  const isOutdated = (element: Element): boolean =>
    element.owner?.tag === tag || addresses.includes(element.address);
  const ensure = [...wholeBase(layout, listing), ...ensureChain(layout, chain)];
  if (isThere(listing, entry, listing.elements.filter(isOutdated)))
    return isBaseIntact(layout, listing) && isChainIntact(chain, listing) ? [] : ensure;
  const removals = clearing(
    layout,
    listing,
    isOutdated,
    (address, owner) => addresses.includes(address) || owner === ownerOf(tag),
  );
  return [...removals, ...ensure, ...elementsOf(layout, entry)];
}

/** Removals of elements, and of owners without an element, each only if it is still what was listed. */
export function clearing(
  layout: Layout,
  { elements, owners }: Pick<Listing, "elements" | "owners">,
  matches: (element: Element) => boolean,
  isOwner: (address: string, owner: string) => boolean,
): readonly string[] {
  const gone = elements.filter((element) => element.owner !== undefined && matches(element));
  const removals = gone.flatMap(({ address, owner: { tag } = { tag: "" } }) =>
    owners.get(address) === ownerOf(tag)
      ? deleteOwned(layout, address, tag)
      : [
          ...(owners.has(address) ? [deleteOne(layout, "owners", address)] : []),
          deleteOne(layout, "pods", address),
        ],
  );
  const orphans = [...owners].filter(
    ([address, owner]) =>
      isOwner(address, owner) && !elements.some((element) => element.address === address),
  );
  return [...removals, ...orphans.map(([address]) => deleteOne(layout, "owners", address))];
}

/** How many entries are put back, in one transaction. */
export interface RestorePlan {
  readonly commands: readonly string[];
  /** Tags of those that were not as they should be. */
  readonly changed: ReadonlySet<string>;
  /** Tags of those that are left alone: others are on their addresses. */
  readonly taken: ReadonlySet<string>;
  /** What others have put in the way of some of them. */
  readonly errors: readonly CniError[];
}

/** Puts back what is missing or wrong of the entries, and removes nothing of others. */
export function restoring(
  layout: Layout,
  entries: readonly Entry[],
  listing: Listing,
): RestorePlan {
  const near = nearby(listing);
  const isWhole = isBaseIntact(layout, listing);
  const claimed = new Set<string>();
  const taken = new Set<string>();
  const errors: CniError[] = [];
  const free = entries.filter((entry) => {
    const others = near(entry).elements.filter(({ owner }) => owner?.tag !== entry.tag);
    const stranger = others.find(({ owner }) => owner === undefined);
    if (stranger !== undefined) errors.push(occupied(layout, stranger));
    const isFree = others.length === 0 && !entry.addresses.some((each) => claimed.has(each));
    if (isFree) for (const address of entry.addresses) claimed.add(address);
    else taken.add(entry.tag);
    return isFree;
  });
  const absent = new Set(free.filter((entry) => !isThere(listing, entry, near(entry).elements)));
  const wrong = free.filter(
    (entry) => absent.has(entry) || !isWhole || !isChainIntact(entry.chain, listing),
  );
  const chains = new Map(wrong.map(({ chain }) => [chain.name, chain]));
  const removals = [...absent].flatMap((entry) => clearing(layout, near(entry), all, all));
  const ensure = [
    ...(wrong.length === 0 ? [] : wholeBase(layout, listing)),
    ...[...chains.values()].flatMap((chain) => ensureChain(layout, chain)),
  ];
  const additions = [...absent].flatMap((entry) => elementsOf(layout, entry));
  const changed = new Set(wrong.map(({ tag }) => tag));
  return { commands: [...removals, ...ensure, ...additions], changed, taken, errors };
}

function all(): boolean {
  return true;
}

/** What an entry meets: its own elements wherever they are, and all on its addresses. */
function nearby({
  elements,
  owners,
}: Listing): (entry: Entry) => Pick<Listing, "elements" | "owners"> {
  const byTag = groupBy(elements, ({ owner }) => owner?.tag ?? "");
  const byAddress = groupBy(elements, ({ address }) => address);
  const byOwner = groupBy([...owners], ([, owner]) => owner);
  return ({ tag, addresses }) => {
    const found = distinct([...byTag(tag), ...addresses.flatMap(byAddress)]);
    const places = distinct([
      ...addresses,
      ...found.map(({ address }) => address),
      // One without an element is a remainder, unless the other half of its tag is another's.
      ...byOwner(ownerOf(tag)).flatMap(([address]) =>
        byAddress(address).length === 0 ? [address] : [],
      ),
    ]);
    return {
      elements: found,
      owners: new Map(
        places.flatMap((address) => {
          const owner = owners.get(address);
          return owner === undefined ? [] : [[address, owner] as const];
        }),
      ),
    };
  };
}

/** The table with its base chain, made again where its declaration is another one. */
function wholeBase(layout: Layout, { chains }: Listing): readonly string[] {
  const base = chains.get(layout.hook);
  const remake = base !== undefined && !isBaseHeader(layout, base[0] ?? "");
  return [...(remake ? remakeBase(layout) : []), ...ensureBase(layout)];
}

/** True when just the wanted elements are there, so that their replacing would change nothing. */
function isThere(
  { owners }: Listing,
  { tag, addresses, chain }: Entry,
  present: readonly Element[],
): boolean {
  return (
    present.length === new Set(addresses).size &&
    present.every(
      (element) =>
        element.owner?.tag === tag &&
        element.chain === chain.name &&
        addresses.includes(element.address) &&
        owners.get(element.address) === ownerOf(tag),
    )
  );
}

/** Tags of what is ours on these addresses. */
export function tagsOn({ elements }: Listing, addresses: readonly string[]): readonly string[] {
  return distinct(
    elements.flatMap(({ address, owner }) =>
      owner !== undefined && addresses.includes(address) ? [owner.tag] : [],
    ),
  );
}

function deleteOne({ table }: Layout, map: string, address: string): string {
  return `delete element inet ${table} ${map}${familyOf(address)} { ${address} }`;
}

function distinct<T>(items: readonly T[]): readonly T[] {
  return [...new Set(items)];
}

function occupied({ table }: Layout, { address, text }: Element): CniError {
  const map = `inet ${table} pods${familyOf(address)}`;
  return new CniError(
    "rules",
    `the map ${map} has an element for ${address} that is not ours (${text}): remove it with "nft delete element ${map} { ${address} }"`,
  );
}
