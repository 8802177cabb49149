/**
 * Listing and changing the mangle tables. All changes are made under the lock, so what was listed
 * still holds when it is changed; a rule that somebody deletes by hand in between costs one more round.
 */
import { CniError, toCniError } from "../cni/error";
import type { Backend, Family, InstalledRule, Lock } from "../ports";
import { nextGeneration, readGeneration } from "./generation";
import type { Host } from "./host";
import { parseSave, restoreInput } from "./iptables-format";
import type { Slot, Tools } from "./tools";

export type Rules = readonly InstalledRule[];

/** What changes in one slot, in one transaction. */
export interface Change extends Slot {
  readonly deletions: readonly string[];
  readonly additions: readonly string[];
}

/** The tables of a node and who guards them. */
export interface Tables {
  readonly host: Host;
  readonly tools: Tools;
  readonly lock: Lock;
  readonly lockTimeoutMs: number;
  readonly dataDir: string;
  /** The lock cannot be used, so the generation cannot be moved either: it is kept beside it. */
  readonly unguarded?: boolean;
}

/** A listing of the IPv4 rules taken while there was something else to wait for. */
export interface EarlyListing {
  readonly generation: number;
  readonly rules: Rules;
}

export const FAMILIES: readonly Family[] = [4, 6];
export const BACKENDS: readonly Backend[] = ["nft", "legacy"];
/** Rounds of list and change before a table that keeps changing under us is given up. */
const MAX_ROUNDS = 5;

/** The slots of these families that may hold rules; never a legacy table that does not exist yet. */
export function presentSlots({ host, tools }: Tables, families: readonly Family[]): readonly Slot[] {
  return BACKENDS.flatMap((backend) => families.map((family) => ({ backend, family }))).filter(
    (slot) => host.hasFamily(slot.family) && tools.has(slot) && (slot.backend === "nft" || host.legacyTables(slot.family).includes("mangle")),
  );
}

/** Our rules in these slots, listed all at once. */
export async function listSlots({ tools }: Tables, slots: readonly Slot[]): Promise<Rules> {
  const listings = await Promise.all(slots.map(async (slot) => parseSave(await tools.save(slot, "mangle"), slot.backend, slot.family)));
  return listings.flat();
}

/** A listing that is only a saving may not add much to the wait for a busy lock. */
const EARLY_LOCK_MS = 500;

/** A listing without the lock, good for as long as the generation read with it stands. */
export async function listEarly(tables: Tables): Promise<EarlyListing> {
  // Read under the lock: no change is then half-way, and every later one moves the generation first.
  const generation = await tables.lock.hold(Math.min(EARLY_LOCK_MS, tables.lockTimeoutMs), async () => readGeneration(tables.dataDir));
  return { generation, rules: await listSlots(tables, presentSlots(tables, [4])) };
}

/**
 * Lists, plans and applies, once; again only when it failed and the next plan is another one, which
 * is to say that somebody changed our rules in between. Returns the listing of the plan that held.
 * The caller holds the lock; without it somebody may change our rules at any time, which costs a round.
 */
export async function settle(
  tables: Tables,
  slots: readonly Slot[],
  early: EarlyListing | undefined,
  plan: (installed: Rules) => readonly Change[],
): Promise<Rules> {
  let failed: { plan: string; error: unknown } | undefined;
  for (let round = 1; ; round++) {
    const installed = await listWith(tables, slots, round === 1 ? early : undefined);
    const changes = plan(installed).filter((change) => change.deletions.length + change.additions.length > 0);
    const text = JSON.stringify(changes);
    if (failed !== undefined && (failed.plan === text || round > MAX_ROUNDS)) throw failed.error;
    try {
      if (changes.length > 0 && tables.unguarded !== true) nextGeneration(tables.dataDir);
      await applyAll(tables, changes);
      return installed;
    } catch (error) {
      failed = { plan: text, error };
    }
  }
}

async function listWith(tables: Tables, slots: readonly Slot[], early: EarlyListing | undefined): Promise<Rules> {
  if (early === undefined || early.generation !== readGeneration(tables.dataDir)) return listSlots(tables, slots);
  const known = early.rules.filter((rule) => slots.some((slot) => isIn(rule, slot)));
  return [...known, ...(await listSlots(tables, slots.filter((slot) => slot.family !== 4)))];
}

/** One transaction per slot; if one fails, those before it are taken back. */
async function applyAll(tables: Tables, changes: readonly Change[]): Promise<void> {
  const applied: Change[] = [];
  for (const change of changes) {
    try {
      await apply(tables, change);
      applied.unshift(change);
    } catch (error) {
      throw await takeBack(tables, applied, toCniError(error));
    }
  }
}

async function takeBack(tables: Tables, applied: readonly Change[], error: CniError): Promise<CniError> {
  try {
    for (const change of applied) await apply(tables, { ...change, deletions: change.additions, additions: change.deletions });
    return error;
  } catch (trouble) {
    return error.withDetails(`taking back the other family failed too: ${toCniError(trouble).message}`);
  }
}

async function apply({ host, tools }: Tables, change: Change): Promise<void> {
  if (!host.hasFamily(change.family)) {
    throw new CniError("rules", "IPv6 is off on this node, so an IPv6 address cannot be marked: turn it on, or give pods no IPv6 address");
  }
  await tools.restore(change, restoreInput(change.deletions, change.additions));
}

/** True when a rule or a change belongs to the slot. */
export function isIn(thing: Slot, slot: Slot): boolean {
  return thing.backend === slot.backend && thing.family === slot.family;
}
