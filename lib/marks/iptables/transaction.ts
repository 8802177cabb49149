/**
 * Listing and changing the mangle tables. A change names the rules that it removes. If another program
 * has removed one in the meantime, the change fails as a whole and costs one more round. Additions on one
 * address are made under that address's lock; nothing here locks the whole node.
 */
import { CniError, RulesUntouched, toCniError } from "../../cni/error";
import type { Family } from "../../net/family";
import type { Locks } from "../../ports";
import { touchFile } from "../../node/files";
import type { Host, IptablesVariant } from "../../node/host";
import { parseSave, restoreInput, type InstalledRule } from "./format";
import type { Slot, Tools } from "./programs";
import { statSync } from "node:fs";
import { join } from "node:path";

export type Rules = readonly InstalledRule[];

/** What changes in one slot, in one transaction. */
export interface Change extends Slot {
  readonly deletions: readonly string[];
  readonly additions: readonly string[];
}

/** The tables of a node, and what guards them. */
export interface Tables {
  readonly host: Host;
  readonly tools: Tools;
  readonly locks: Locks;
  readonly lockTimeoutMs: number;
  readonly dataDir: string;
}

/** A listing of the IPv4 rules taken while there was something else to wait for. */
export interface EarlyListing {
  readonly generation: string;
  readonly rules: Rules;
}

export const VARIANTS: readonly IptablesVariant[] = ["nft", "legacy"];
/** Rounds of list and change before a table that keeps changing under us is given up. */
const MAX_ROUNDS = 5;

/** Slots that may hold managed rules: those that can be listed, and why the others cannot. */
export interface Slots {
  readonly present: readonly Slot[];
  readonly unlistable: readonly RulesUntouched[];
}

/** The slots of these families that may hold rules; never a legacy table that does not exist yet. */
export async function slotsWithRules(
  { host, tools }: Tables,
  families: readonly Family[],
  variants: readonly IptablesVariant[] = VARIANTS,
): Promise<Slots> {
  const possible = variants
    .flatMap((variant) => families.map((family) => ({ variant, family })))
    .filter((slot) => host.hasFamily(slot.family));
  const mayHold = await Promise.all(possible.map((slot) => tools.mayHoldRules(slot)));
  const slots = possible.filter((_, i) => mayHold[i]);
  return {
    present: slots.filter((slot) => tools.has(slot)),
    unlistable: slots.filter((slot) => !tools.has(slot)).map((slot) => tools.missing(slot)),
  };
}

/** The slots that may hold rules, for callers that need all. Throws `RulesUntouched` that names what is missing. */
export async function listableSlots(
  tables: Tables,
  families: readonly Family[],
): Promise<readonly Slot[]> {
  const { present, unlistable } = await slotsWithRules(tables, families);
  const [first, ...others] = unlistable;
  if (first !== undefined)
    throw new RulesUntouched("rules", [first, ...others].map(({ message }) => message).join("; "), {
      missingPackage: first.missingPackage,
    });
  return present;
}

/** Our rules in these slots, listed all at once. */
export async function listSlots({ tools }: Tables, slots: readonly Slot[]): Promise<Rules> {
  const listings = await Promise.all(
    slots.map(async (slot) =>
      parseSave(await tools.save(slot, "mangle"), slot.variant, slot.family),
    ),
  );
  return listings.flat();
}

/**
 * A listing from before the address is known. It is valid while the generation read with it stays the
 * same: each process moves the generation before and after it adds rules. An address is handed out again
 * after its last user's ADD has ended, so a rule on it is either in the listing or has moved the
 * generation (decision 0029).
 */
export async function listEarly(tables: Tables): Promise<EarlyListing> {
  const generation = readGeneration(tables.dataDir);
  return { generation, rules: await listSlots(tables, await listableSlots(tables, [4])) };
}

/**
 * Lists, plans and applies, once; again only when that failed and the next plan is another one, which
 * means that another program changed managed rules in between. Returns the listing of the plan that was
 * applied. The caller holds the locks of the addresses that rules are added on (decision 0009).
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
    const changes = plan(installed).filter(
      (change) => change.deletions.length + change.additions.length > 0,
    );
    const text = JSON.stringify(changes);
    if (failed !== undefined && (failed.plan === text || round > MAX_ROUNDS)) throw failed.error;
    try {
      await inGeneration(tables, changes, () => applyAll(tables, changes));
      return installed;
    } catch (error) {
      failed = { plan: text, error };
    }
  }
}

/**
 * Moves the generation before and after changes that add rules. Removals need no such care: a change
 * that is planned from an outdated listing names the rules that it removes, and fails.
 */
async function inGeneration(
  tables: Tables,
  changes: readonly Change[],
  body: () => Promise<void>,
): Promise<void> {
  if (changes.every((change) => change.additions.length === 0)) return body();
  nextGeneration(tables.dataDir);
  try {
    await body();
  } finally {
    nextGeneration(tables.dataDir);
  }
}

async function listWith(
  tables: Tables,
  slots: readonly Slot[],
  early: EarlyListing | undefined,
): Promise<Rules> {
  if (early === undefined || early.generation !== readGeneration(tables.dataDir))
    return listSlots(tables, slots);
  const known = early.rules.filter((rule) => slots.some((slot) => isIn(rule, slot)));
  return [
    ...known,
    ...(await listSlots(
      tables,
      slots.filter((slot) => slot.family !== 4),
    )),
  ];
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

async function takeBack(
  tables: Tables,
  applied: readonly Change[],
  error: CniError,
): Promise<CniError> {
  try {
    for (const change of applied)
      await apply(tables, { ...change, deletions: change.additions, additions: change.deletions });
    return error;
  } catch (second) {
    return error.withDetails(
      `taking back the other family failed too: ${toCniError(second).message}`,
    );
  }
}

async function apply({ host, tools }: Tables, change: Change): Promise<void> {
  if (!host.hasFamily(change.family)) {
    throw new CniError(
      "rules",
      "IPv6 is off on this node, so an IPv6 address cannot be marked: turn it on, or give pods no IPv6 address",
    );
  }
  await tools.restore(change, restoreInput(change.deletions, change.additions));
}

/** True when a rule or a change belongs to the slot. */
export function isIn(thing: Slot, slot: Slot): boolean {
  return thing.variant === slot.variant && thing.family === slot.family;
}

/**
 * The present generation, an opaque word that changes whenever managed rules are added: the times of the
 * file `generation`. It is the same before the first change as without a directory.
 */
export function readGeneration(dataDir: string): string {
  const stat = statSync(join(dataDir, "generation"), { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "none" : `${stat.atimeNs} ${stat.mtimeNs}`;
}

/** Makes every earlier generation outdated. Two processes that do so at once choose different ones. */
export function nextGeneration(dataDir: string): void {
  const chance = (): number => Math.floor(Math.random() * 2 ** 31);
  touchFile(join(dataDir, "generation"), chance(), chance());
}
