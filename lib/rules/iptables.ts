/**
 * The rules in the mangle table, through iptables-save and iptables-restore: one listing, one
 * transaction per family. All changes are made under the lock, so what was listed still holds when
 * it is changed; a rule that somebody deletes by hand in between costs one more round.
 */
import { CniError } from "../cni/error";
import type { AttachmentKey, Backend, Exec, Family, InstalledRule, Lock, Log, MarkRule, MarkRules } from "../ports";
import { nextGeneration, readGeneration } from "./generation";
import { chooseBackend, factsFrom, plainBackend, recallBackend, rememberBackend } from "./detect";
import { familyOf, parseSave, restoreInput, ruleSpecs } from "./iptables-format";
import { attachmentTag } from "./tag";
import { findTool, hasFamily, hasLegacyTable, hasTool, runTool, toolName } from "./tools";

export interface IptablesOptions {
  readonly exec: Exec;
  readonly lock: Lock;
  readonly lockTimeoutMs: number;
  readonly configured: "auto" | Backend;
  readonly dataDir: string;
  readonly log: Log;
}

interface Change {
  readonly backend: Backend;
  readonly family: Family;
  readonly deletions: readonly string[];
  readonly additions: readonly string[];
}

/** A listing of the IPv4 rules taken while there was something else to wait for. */
interface EarlyListing {
  readonly generation: number;
  readonly rules: readonly InstalledRule[];
}

interface Node extends IptablesOptions {
  early: Promise<EarlyListing> | undefined;
}

const FAMILIES: readonly Family[] = [4, 6];
const BACKENDS: readonly Backend[] = ["nft", "legacy"];
/** Rounds of list and change before a table that keeps changing under us is given up. */
const MAX_ROUNDS = 5;

/** The iptables adapter of the MarkRules port. Nothing is executed before the first call. */
export function createIptablesRules(options: IptablesOptions): MarkRules {
  let chosen: Promise<Backend> | undefined;
  const backend = (): Promise<Backend> => (chosen ??= choose(options, { remember: true }));
  const node: Node = { ...options, early: undefined };
  return {
    backend,
    anticipate: () => {
      node.early = listEarly(options);
      node.early.catch(() => {});
    },
    install: (rule) => install(node, backend, rule),
    evict: (key, addresses) => evict(node, key, addresses),
    remove: async (tags) => {
      await change(node, FAMILIES, (installed) => removals(installed.filter((rule) => tags.includes(rule.tag))));
    },
    list: () => listAll(options, FAMILIES),
    probe: async () => {
      await save(options, await choose(options, { remember: false }), 4);
    },
  };
}

async function install(node: Node, backend: () => Promise<Backend>, rule: MarkRule): Promise<readonly string[]> {
  const flavour = await backend();
  const tag = attachmentTag(rule.key);
  const families = FAMILIES.filter((family) => rule.addresses.some((address) => familyOf(address) === family));
  const before = await change(node, families, (installed) => {
    const affected = installed.filter((r) => r.tag === tag || rule.addresses.includes(r.address));
    const outdated = removals(affected);
    return families.map((family) => {
      const additions = ruleSpecs(rule, family);
      const deletions = outdated.find((c) => c.backend === flavour && c.family === family)?.deletions ?? [];
      return sameSpecs(deletions, additions) ? nothing(flavour, family) : { backend: flavour, family, deletions, additions };
    }).concat(outdated.filter((c) => c.backend !== flavour));
  });
  return evictedTags(before, tag, rule.addresses);
}

async function evict(node: Node, key: AttachmentKey, addresses: readonly string[]): Promise<readonly string[]> {
  const families = FAMILIES.filter((family) => addresses.some((address) => familyOf(address) === family));
  const before = await change(node, families, (installed) => removals(installed.filter((rule) => addresses.includes(rule.address))));
  return evictedTags(before, attachmentTag(key), addresses);
}

function evictedTags(before: readonly InstalledRule[], tag: string, addresses: readonly string[]): readonly string[] {
  return [...new Set(before.filter((rule) => rule.tag !== tag && addresses.includes(rule.address)).map((rule) => rule.tag))];
}

/** Lists, plans and applies under the lock; returns the listing that the applied plan was made from. */
async function change(
  node: Node,
  families: readonly Family[],
  plan: (installed: readonly InstalledRule[]) => readonly Change[],
): Promise<readonly InstalledRule[]> {
  // Awaited before the lock is taken: it needs the lock itself.
  const early = await node.early?.catch(() => undefined);
  node.early = undefined;
  return node.lock.hold(node.lockTimeoutMs, async () => {
    for (let round = 1; ; round++) {
      const installed = round === 1 ? await listWith(early, node, families) : await listAll(node, families);
      const changes = plan(installed).filter((c) => c.deletions.length + c.additions.length > 0);
      try {
        if (changes.length > 0) nextGeneration(node.dataDir);
        await applyAll(node, changes);
        return installed;
      } catch (error) {
        const vanished = changes.length > 0 && (await hasVanished(node, families, changes));
        if (!vanished || round === MAX_ROUNDS) throw error;
      }
    }
  });
}

// Read under the lock: no change is then half-way, and every later one moves the generation first.
async function listEarly(options: IptablesOptions): Promise<EarlyListing> {
  const generation = await options.lock.hold(options.lockTimeoutMs, async () => readGeneration(options.dataDir));
  return { generation, rules: await listAll(options, [4]) };
}

async function listWith(
  early: EarlyListing | undefined,
  node: Node,
  families: readonly Family[],
): Promise<readonly InstalledRule[]> {
  if (early === undefined || early.generation !== readGeneration(node.dataDir)) return listAll(node, families);
  const rest = await listAll(node, families.filter((family) => family !== 4));
  return families.includes(4) ? [...early.rules, ...rest] : rest;
}

/** One transaction per family; if one fails, those before it are taken back. */
async function applyAll(options: IptablesOptions, changes: readonly Change[]): Promise<void> {
  const applied: Change[] = [];
  try {
    for (const item of changes) {
      await restore(options, item);
      applied.push(item);
    }
  } catch (error) {
    for (const item of applied.reverse()) await restore(options, { ...item, deletions: item.additions, additions: item.deletions });
    throw error;
  }
}

async function hasVanished(options: IptablesOptions, families: readonly Family[], changes: readonly Change[]): Promise<boolean> {
  const now = await listAll(options, families);
  const standing = new Set(now.map((rule) => `${rule.backend} ${rule.family} ${rule.spec}`));
  return changes.some((c) => c.deletions.some((spec) => !standing.has(`${c.backend} ${c.family} ${spec}`)));
}

async function listAll(options: IptablesOptions, families: readonly Family[]): Promise<readonly InstalledRule[]> {
  const present = BACKENDS.flatMap((backend) => families.filter((family) => mayHaveRules(backend, family)).map((family) => ({ backend, family })));
  const listings = await Promise.all(present.map(async ({ backend, family }) => parseSave(await save(options, backend, family), backend, family)));
  return listings.flat();
}

function mayHaveRules(backend: Backend, family: Family): boolean {
  return hasFamily(family) && hasTool(backend, family) && (backend === "nft" || hasLegacyTable(family));
}

function save(options: IptablesOptions, backend: Backend, family: Family): Promise<string> {
  return runTool(options.exec, toolName(backend, family, "save"), ["-t", "mangle"], { stdin: "", lockTimeoutMs: options.lockTimeoutMs });
}

async function restore(options: IptablesOptions, { backend, family, deletions, additions }: Change): Promise<void> {
  if (!hasFamily(family)) throw new CniError("rules", `IPv6 is off on this node, so an IPv6 address cannot be marked`);
  const seconds = Math.max(1, Math.ceil(options.lockTimeoutMs / 1000));
  await runTool(options.exec, toolName(backend, family, "restore"), ["--noflush", "-w", String(seconds)], {
    stdin: restoreInput(deletions, additions),
    lockTimeoutMs: options.lockTimeoutMs,
  });
}

function removals(rules: readonly InstalledRule[]): readonly Change[] {
  return BACKENDS.flatMap((backend) => FAMILIES.map((family) => {
    const deletions = rules.filter((rule) => rule.backend === backend && rule.family === family).map((rule) => rule.spec);
    return { backend, family, deletions, additions: [] };
  })).filter((c) => c.deletions.length > 0);
}

function nothing(backend: Backend, family: Family): Change {
  return { backend, family, deletions: [], additions: [] };
}

function sameSpecs(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((spec, i) => spec === b[i]);
}

async function choose(options: IptablesOptions, { remember }: { remember: boolean }): Promise<Backend> {
  if (options.configured !== "auto") return options.configured;
  const recalled = recallBackend(options.dataDir);
  if (recalled !== undefined) return recalled;
  const [nft, legacy] = await Promise.all(BACKENDS.map((backend) => lookAt(options, backend)));
  const backend = chooseBackend(factsFrom(nft), factsFrom(legacy), plainBackend());
  const trouble = remember ? rememberBackend(options.dataDir, backend) : undefined;
  if (trouble !== undefined) options.log.write("debug", trouble, {});
  return backend;
}

async function lookAt(options: IptablesOptions, backend: Backend): Promise<string | undefined> {
  if (findTool(toolName(backend, 4, "restore")) === undefined) return undefined;
  return mayHaveRules(backend, 4) ? save(options, backend, 4) : "";
}
