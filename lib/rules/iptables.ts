/** The rules in the mangle table, through iptables-save and iptables-restore: one listing, one transaction per family. */
import { ERRORS, toCniError } from "../cni/error";
import type { Backend, Exec, Family, InstalledRule, Lock, Log, MarkRule, MarkRules } from "../ports";
import { BACKENDS, FAMILIES, isIn, listEarly, listSlots, presentSlots, settle, type Change, type EarlyListing, type Rules, type Tables } from "./change";
import { detectBackend, rememberBackend, type Detected } from "./detect";
import { localHost, type Host } from "./host";
import { familyOf, ruleSpecs } from "./iptables-format";
import { attachmentTag } from "./tag";
import { createTools, type Slot } from "./tools";

export interface IptablesOptions {
  readonly exec: Exec;
  readonly lock: Lock;
  readonly lockTimeoutMs: number;
  readonly configured: "auto" | Backend;
  readonly dataDir: string;
  readonly log: Log;
  /** CNI variables of the operation at work, for the tools' environment; none for a command line. */
  readonly cniEnv?: Readonly<Record<string, string>>;
  /** Tests put another node here. */
  readonly host?: Host;
}

interface Node extends Tables {
  readonly log: Log;
  readonly detected: () => Promise<Detected>;
  early: Promise<EarlyListing | undefined> | undefined;
}

/** The iptables adapter of the MarkRules port. Nothing is executed before the first call. */
export function createIptablesRules(options: IptablesOptions): MarkRules {
  const host = options.host ?? localHost;
  const tools = createTools(options.exec, host, options.lockTimeoutMs, options.cniEnv);
  let detected: Promise<Detected> | undefined;
  const node: Node = { ...options, host, tools, early: undefined, detected: () => (detected ??= detectBackend({ ...options, host, tools })) };
  return {
    backend: async () => (await node.detected()).backend,
    anticipate: () => {
      node.early = listEarly(node).catch(() => undefined);
    },
    install: (rule) => install(node, rule),
    evict: async (key, addresses) => {
      const gone = await clear(node, familiesOf(addresses), (rule) => addresses.includes(rule.address));
      return evictedTags(gone, attachmentTag(key), addresses);
    },
    remove: async (tags) => {
      if (tags.length > 0) await removeAnyhow(node, (rule) => tags.includes(rule.tag));
    },
    list: () => listSlots(node, presentSlots(node, FAMILIES)),
    probe: () => probe(node),
  };
}

async function install(node: Node, rule: MarkRule): Promise<readonly string[]> {
  const { backend, fresh } = await node.detected();
  if (fresh) remember(node, backend);
  const tag = attachmentTag(rule.key);
  const families = familiesOf(rule.addresses);
  const early = await takeEarly(node);
  return node.lock.hold(node.lockTimeoutMs, async () => {
    const before = await settle(node, presentSlots(node, families), early, (installed) => {
      const outdated = removals(installed.filter((r) => r.tag === tag || rule.addresses.includes(r.address)));
      const others = outdated.filter((change) => change.backend !== backend);
      return [...families.map((family) => replacement(outdated, { backend, family }, ruleSpecs(rule, family))), ...others];
    });
    return evictedTags(before, tag, rule.addresses);
  });
}

/** In `slot`, `additions` in the place of what is outdated there; no change when both are the same. */
function replacement(outdated: readonly Change[], slot: Slot, additions: readonly string[]): Change {
  const deletions = outdated.find((change) => isIn(change, slot))?.deletions ?? [];
  const asWanted = deletions.length === additions.length && deletions.every((spec, i) => spec === additions[i]);
  return asWanted ? { ...slot, deletions: [], additions: [] } : { ...slot, deletions, additions };
}

type Matches = (rule: InstalledRule) => boolean;

/** Removes the rules that match, under the lock. Returns what was removed; throws like clearSlots. */
async function clear(node: Node, families: readonly Family[], matches: Matches): Promise<Rules> {
  const slots = presentSlots(node, families);
  if (slots.length === 0) return [];
  const early = await takeEarly(node);
  return node.lock.hold(node.lockTimeoutMs, () => clearSlots(node, slots, early, matches));
}

/**
 * The same for a DEL, and without our lock where that cannot be used at all (a data directory of the wrong mode,
 * say): the address is freed in any case, and must not keep its rules. The xtables lock still holds.
 */
async function removeAnyhow(node: Node, matches: Matches): Promise<void> {
  const slots = presentSlots(node, FAMILIES);
  if (slots.length === 0) return;
  const early = await takeEarly(node);
  let locked = false;
  try {
    await node.lock.hold(node.lockTimeoutMs, () => {
      locked = true;
      return clearSlots(node, slots, early, matches);
    });
  } catch (error) {
    if (locked || toCniError(error).code !== ERRORS.journal.code) throw error;
    await clearSlots({ ...node, unguarded: true }, slots, undefined, matches);
  }
}

/**
 * Each slot on its own: trouble in one keeps no rule in another. Throws the first failure, with the
 * others in its details.
 */
async function clearSlots(tables: Tables, slots: readonly Slot[], early: EarlyListing | undefined, matches: Matches): Promise<Rules> {
  const plan = (installed: Rules): readonly Change[] => removals(installed.filter(matches));
  // Every generation is read before the first is moved: an early listing serves all slots.
  const outcomes = await Promise.allSettled(slots.map((slot) => settle(tables, [slot], early, plan)));
  const [first, ...others] = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [toCniError(outcome.reason)] : []));
  if (first !== undefined) throw others.reduce((error, other) => error.withDetails(other.message), first);
  return outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? outcome.value.filter(matches) : []));
}

// Awaited before the lock is taken: it needs the lock itself. Used once: a change makes it stale.
async function takeEarly(node: Node): Promise<EarlyListing | undefined> {
  const early = await node.early;
  node.early = undefined;
  return early;
}

async function probe(node: Node): Promise<void> {
  const slot: Slot = { backend: (await node.detected()).backend, family: 4 };
  // A legacy table that does not exist yet would be created by looking; a missing program is for save() to say.
  const canLook = slot.backend === "nft" || node.host.legacyTables(4).includes("mangle") || !node.tools.has(slot);
  if (canLook) await node.tools.save(slot, "mangle");
}

function removals(rules: Rules): readonly Change[] {
  return BACKENDS.flatMap((backend) => FAMILIES.map((family) => ({ backend, family })))
    .map((slot) => ({ ...slot, deletions: rules.filter((rule) => isIn(rule, slot)).map((rule) => rule.spec), additions: [] }))
    .filter((change) => change.deletions.length > 0);
}

function familiesOf(addresses: readonly string[]): readonly Family[] {
  return FAMILIES.filter((family) => addresses.some((address) => familyOf(address) === family));
}

function evictedTags(before: Rules, tag: string, addresses: readonly string[]): readonly string[] {
  return [...new Set(before.filter((rule) => rule.tag !== tag && addresses.includes(rule.address)).map((rule) => rule.tag))];
}

function remember({ dataDir, log }: Node, backend: Backend): void {
  const trouble = rememberBackend(dataDir, backend);
  if (trouble !== undefined) log.write("debug", trouble, {});
}
