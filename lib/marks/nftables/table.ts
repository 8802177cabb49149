/**
 * One of our tables in the kernel. The common case is one transaction that is written without looking, and
 * that fails as a whole where something else is on the address; only then is the table listed.
 */
import { CniError } from "../../cni/error";
import {
  deleteOwned,
  ensureBase,
  ensureChain,
  ownerOf,
  probeFree,
  type Chain,
  type Layout,
} from "./layout";
import { learnFrom } from "./known";
import { parseListing, type Element, type Listing } from "./listing";
import {
  clearing,
  elementsOf,
  replacing,
  restoring,
  tagsOn,
  type Entry,
  type RestorePlan,
} from "./plans";
import type { NftAnswer, NftRunner } from "./runner";

/** Rounds of list and change before a table that keeps changing under us is given up. */
const MAX_ROUNDS = 5;
/** A commit that another one overtook; nothing was done. */
const OVERTAKEN = /interrupted system call|resource temporarily unavailable/i;
const MAX_OVERTAKEN = 20;

export interface Table {
  /** Puts the entry there, and nobody else's; returns the tags of those that had to go. Throws CniError `rules`. */
  put(entry: Entry): Promise<readonly string[]>;
  /**
   * Puts back what is missing or wrong of many entries at once, and touches nothing of others. Throws CniError
   * `rules` when nothing could be done; what is in the way of some is in the plan that was carried out.
   */
  restore(entries: readonly Entry[]): Promise<Omit<RestorePlan, "commands">>;
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
      const { addresses } = entry;
      if (await create(runner, [{ layout, entry }])) return [];
      const before = await change((listing) => replacing(layout, entry, listing));
      return tagsOn(before, addresses).filter((tag) => tag !== entry.tag);
    },
    restore: async (entries) => {
      const plan = (listing: Listing): RestorePlan => restoring(layout, entries, listing);
      return plan(await change((listing) => plan(listing).commands));
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

function ensureCommands(layout: Layout, chain: Chain): readonly string[] {
  return [...ensureBase(layout), ...ensureChain(layout, chain)];
}

/** An entry for a table. */
export interface Placed {
  readonly layout: Layout;
  readonly entry: Entry;
}

/**
 * Creates the entries, all in one transaction. False: something is on one of their addresses, or a table is not what
 * it is known to be; nothing was done.
 */
export async function create(runner: NftRunner, placed: readonly Placed[]): Promise<boolean> {
  const learn = runner.known.begin();
  const commands = placed.flatMap(({ layout, entry }) => [
    ...(runner.known.has(layout) ? [] : ensureBase(layout)),
    ...(runner.known.has(layout, entry.chain) ? [] : ensureChain(layout, entry.chain)),
    ...elementsOf(layout, entry),
  ]);
  const { ok } = await attempt(runner, commands);
  if (ok) for (const { layout, entry } of placed) learn(layout, [entry.chain]);
  return ok;
}

async function listTable(runner: NftRunner, layout: Layout): Promise<Listing> {
  const learn = runner.known.begin();
  const text = await printed(runner, `list table inet ${layout.table}`);
  const listing = parseListing(text ?? "");
  if (text !== undefined) learnFrom(learn, layout, listing);
  return listing;
}

/** The counter objects of a table of ours, such as `inet NAME`; one that does not exist has none. Throws CniError `rules`. */
export async function countersOf(runner: NftRunner, table: string): Promise<Listing["counters"]> {
  return parseListing((await printed(runner, `list counters table ${table}`)) ?? "").counters;
}

/** undefined: there is no such table. */
async function printed(runner: NftRunner, command: string): Promise<string | undefined> {
  const answer = await runner.run([command]);
  if (answer.ok) return answer.stdout;
  if (/No such file or directory|not supported/i.test(answer.said)) return undefined;
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

/** Chains that no element leads to, each in a transaction that fails if one has come to do so. */
async function dropUnused(runner: NftRunner, layout: Layout, listing: Listing): Promise<void> {
  const used = new Set((await listTable(runner, layout)).elements.map(({ chain }) => chain));
  for (const name of listing.chains.keys()) {
    const chain = layout.chain(name);
    if (chain === undefined || used.has(name)) continue;
    const target = `inet ${layout.table} ${name}`;
    runner.known.forget();
    await runner.run([`flush chain ${target}`, `delete chain ${target}`]);
  }
}

function failure({ said }: NftAnswer): CniError {
  const hint = /operation not permitted|must be root/i.test(said)
    ? ": run as root with CAP_NET_ADMIN"
    : /not supported/i.test(said)
      ? ': load the kernel module nf_tables, or set "backend" to iptables'
      : "";
  return new CniError("rules", `nft failed: ${said === "" ? "it said nothing" : said}${hint}`);
}
