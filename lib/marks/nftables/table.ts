/**
 * One of our tables in the kernel. The common case is one transaction that is written without looking, and
 * that fails as a whole where something else is on the address; only then is the table listed.
 */
import { CniError } from "../../cni/error";
import { formatComment } from "../tag";
import {
  createElement,
  deleteOwned,
  ensureCommands,
  ownerOf,
  probeFree,
  remakeBase,
  type Chain,
  type Layout,
} from "./layout";
import {
  isBaseHeader,
  isBaseIntact,
  isChainIntact,
  parseListing,
  type Element,
  type Listing,
} from "./listing";
import type { NftAnswer, NftRunner } from "./runner";
import { familyOf } from "../../net/family";

/** Rounds of list and change before a table that keeps changing under us is given up. */
const MAX_ROUNDS = 5;
/** A commit that another one overtook; nothing was done. */
const OVERTAKEN = /interrupted system call|resource temporarily unavailable/i;
const MAX_OVERTAKEN = 20;

/** What goes onto addresses. */
export interface Entry {
  readonly tag: string;
  readonly label: string;
  readonly addresses: readonly string[];
  readonly chain: Chain;
}

export interface Table {
  /** Puts the entry there, and nobody else's; returns the tags of those that had to go. Throws CniError `rules`. */
  put(entry: Entry): Promise<readonly string[]>;
  /** Whether nothing is on any of these addresses. */
  areFree(addresses: readonly string[]): Promise<boolean>;
  /** Removes all of ours on these addresses; returns their tags. */
  evict(addresses: readonly string[]): Promise<readonly string[]>;
  /** Removes all of these tags; with `addresses`, they are known to be there and nowhere else. */
  remove(tags: readonly string[], addresses: readonly string[] | undefined): Promise<void>;
  /** All that is there; a table that does not exist is empty. */
  list(): Promise<Listing>;
  /** Whether put() could work now. Changes nothing; throws what is wrong. */
  probe(chain: Chain): Promise<void>;
}

/** The table of `layout`. */
export function createTable(runner: NftRunner, layout: Layout): Table {
  const list = (): Promise<Listing> => listTable(runner, layout);
  const change = (plan: Plan): Promise<Listing> => settle(runner, list, plan);
  const areFree = async (addresses: readonly string[]): Promise<boolean> => {
    const probes = addresses.flatMap((address) => probeFree(layout, address));
    return probes.length === 0 || (await attempt(runner, probes)).ok;
  };
  return {
    list,
    put: async (entry) => {
      const { addresses, chain } = entry;
      const commands = [...ensureCommands(layout, chain), ...elementsOf(layout, entry)];
      if ((await attempt(runner, commands)).ok) return [];
      const before = await change((listing) => replacing(layout, entry, listing));
      return tagsOn(before, addresses).filter((tag) => tag !== entry.tag);
    },
    areFree,
    evict: async (addresses) => {
      if (await areFree(addresses)) return [];
      const isOn = (address: string): boolean => addresses.includes(address);
      const before = await change((listing) =>
        clearing(layout, listing, ({ address }) => isOn(address), isOn),
      );
      return tagsOn(before, addresses);
    },
    remove: async (tags, addresses) => {
      const [tag, ...more] = tags;
      if (tag === undefined) return;
      const known = more.length === 0 ? (addresses ?? []) : [];
      const commands = known.flatMap((address) => deleteOwned(layout, address, tag));
      if (commands.length > 0 && (await attempt(runner, commands)).ok) return;
      const owners = tags.map(ownerOf);
      const isTheirs = ({ owner }: Element): boolean =>
        owner !== undefined && tags.includes(owner.tag);
      const before = await change((listing) =>
        clearing(layout, listing, isTheirs, (_address, owner) => owners.includes(owner)),
      );
      if (addresses === undefined) await dropUnused(runner, layout, before);
    },
    probe: async (chain) => {
      const answer = await runner.check(ensureCommands(layout, chain));
      if (!answer.ok) throw failure(answer);
    },
  };
}

async function listTable(runner: NftRunner, layout: Layout): Promise<Listing> {
  const answer = await runner.run([`list table inet ${layout.table}`]);
  if (answer.ok) return parseListing(answer.stdout);
  if (/No such file or directory|not supported/i.test(answer.said)) return parseListing("");
  throw failure(answer);
}

/** Commands for one transaction; none: all is as it should be. */
type Plan = (listing: Listing) => readonly string[];

/**
 * Lists, plans and applies; again only when that failed and the next plan is another one, which means that
 * another program changed the table in between. Returns the listing of the plan that was applied.
 */
async function settle(
  runner: NftRunner,
  list: () => Promise<Listing>,
  plan: Plan,
): Promise<Listing> {
  let failed: { text: string; answer: NftAnswer } | undefined;
  for (let round = 1; ; round++) {
    const listing = await list();
    const commands = plan(listing);
    if (commands.length === 0) return listing;
    const text = commands.join("\n");
    if (failed !== undefined && (failed.text === text || round > MAX_ROUNDS))
      throw failure(failed.answer);
    const answer = await attempt(runner, commands);
    if (answer.ok) return listing;
    failed = { text, answer };
  }
}

async function attempt(runner: NftRunner, commands: readonly string[]): Promise<NftAnswer> {
  for (let round = 1; ; round++) {
    const answer = await runner.run(commands);
    if (answer.ok || round >= MAX_OVERTAKEN || !OVERTAKEN.test(answer.said)) return answer;
  }
}

function elementsOf(layout: Layout, { tag, label, addresses, chain }: Entry): readonly string[] {
  const comment = formatComment(label, tag);
  return distinct(addresses).flatMap((address) =>
    createElement(layout, address, { tag, comment, chain: chain.name }),
  );
}

function replacing(layout: Layout, entry: Entry, listing: Listing): readonly string[] {
  const { tag, addresses, chain } = entry;
  const stranger = listing.elements.find(
    (element) => element.owner === undefined && addresses.includes(element.address),
  );
  if (stranger !== undefined) throw occupied(layout, stranger);
  const isOutdated = (element: Element): boolean =>
    element.owner?.tag === tag || addresses.includes(element.address);
  const base = listing.chains.get(layout.hook);
  const remake = base !== undefined && !isBaseHeader(layout, base[0] ?? "");
  const ensure = [...(remake ? remakeBase(layout) : []), ...ensureCommands(layout, chain)];
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

/** Removals of elements, and of owners without an element, each only if it is still what was listed. */
function clearing(
  layout: Layout,
  { elements, owners }: Listing,
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

function deleteOne({ table }: Layout, map: string, address: string): string {
  return `delete element inet ${table} ${map}${familyOf(address)} { ${address} }`;
}

/** Chains that no element leads to, each in a transaction that fails if one has come to do so. */
async function dropUnused(runner: NftRunner, layout: Layout, listing: Listing): Promise<void> {
  const used = new Set((await listTable(runner, layout)).elements.map(({ chain }) => chain));
  for (const name of listing.chains.keys()) {
    const chain = layout.chain(name);
    if (chain === undefined || used.has(name)) continue;
    const target = `inet ${layout.table} ${name}`;
    await runner.run([`flush chain ${target}`, `delete chain ${target}`]);
  }
}

function tagsOn({ elements }: Listing, addresses: readonly string[]): readonly string[] {
  return distinct(
    elements.flatMap(({ address, owner }) =>
      owner !== undefined && addresses.includes(address) ? [owner.tag] : [],
    ),
  );
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

function occupied({ table }: Layout, { address, text }: Element): CniError {
  const map = `inet ${table} pods${familyOf(address)}`;
  return new CniError(
    "rules",
    `the map ${map} has an element for ${address} that is not ours (${text}): remove it with "nft delete element ${map} { ${address} }"`,
  );
}

function failure({ said }: NftAnswer): CniError {
  const hint = /operation not permitted|must be root/i.test(said)
    ? ": run as root with CAP_NET_ADMIN"
    : /not supported/i.test(said)
      ? ': load the kernel module nf_tables, or set "backend" to iptables'
      : "";
  return new CniError("rules", `nft failed: ${said === "" ? "it said nothing" : said}${hint}`);
}
