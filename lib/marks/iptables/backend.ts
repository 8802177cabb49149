/** The rules in the mangle table, through iptables-save and iptables-restore: one listing, one transaction per family. */
import { throwTogether, toCniError } from "../../cni/error";
import { FAMILIES, type Family } from "../../net/family";
import type {
  Backend,
  Exec,
  InstalledRule,
  Locks,
  Log,
  MarkRule,
  MarkRules,
  RulePlace,
} from "../../ports";
import {
  BACKENDS,
  isIn,
  listableSlots,
  listEarly,
  listSlots,
  settle,
  slotsWithRules,
  type Change,
  type EarlyListing,
  type Rules,
  type Tables,
} from "./transaction";
import { detectBackend, recallBackend, rememberBackend, type Detected } from "../detect";
import { localHost, type Host } from "../../node/host";
import { familyOf, ruleSpecs } from "./format";
import { attachmentTag } from "../tag";
import { createTools, type Slot } from "./programs";

export interface IptablesOptions {
  readonly exec: Exec;
  readonly locks: Locks;
  readonly lockTimeoutMs: number;
  readonly configured: "auto" | Backend;
  readonly dataDir: string;
  readonly log: Log;
  /** CNI variables of the operation at work, for the tools' environment; none for a command line. */
  readonly cniEnv?: Readonly<Record<string, string>>;
  /** Flavours that records of attachments name; asked only where a flavour's programs are missing. */
  readonly recordedBackends?: () => readonly Backend[];
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
  const tools = createTools(options.exec, host, {
    ...options,
    mayHaveUsed: (backend) => mayHaveUsed(options, backend),
  });
  let detected: Promise<Detected> | undefined;
  const node: Node = {
    ...options,
    host,
    tools,
    early: undefined,
    detected: () => (detected ??= detectBackend({ ...options, host, tools })),
  };
  return {
    backend: async () => (await node.detected()).backend,
    anticipate: () => {
      node.early = listEarly(node).catch(() => undefined);
    },
    install: (rule) => install(node, rule),
    evict: (key, addresses) => evict(node, attachmentTag(key), addresses),
    remove: async (tags, known) => {
      if (tags.length > 0) await remove(node, (rule) => tags.includes(rule.tag), known);
    },
    list: async () => listSlots(node, await listableSlots(node, FAMILIES)),
    probe: () => probe(node),
  };
}

async function install(node: Node, rule: MarkRule): Promise<readonly string[]> {
  const { backend, fresh } = await node.detected();
  if (fresh) remember(node, backend);
  const tag = attachmentTag(rule.key);
  const families = familiesOf(rule.addresses);
  const early = await takeEarly(node);
  return node.locks.hold(rule.addresses, node.lockTimeoutMs, async () => {
    const slots = await listableSlots(node, families);
    const before = await settle(node, slots, early, (installed) => {
      const outdated = removals(
        installed.filter((r) => r.tag === tag || rule.addresses.includes(r.address)),
      );
      const others = outdated.filter((change) => change.backend !== backend);
      return [
        ...families.map((family) =>
          replacement(outdated, { backend, family }, ruleSpecs(rule, family)),
        ),
        ...others,
      ];
    });
    return evictedTags(before, tag, rule.addresses);
  });
}

/** In `slot`, `additions` in the place of what is outdated there; no change when both are the same. */
function replacement(
  outdated: readonly Change[],
  slot: Slot,
  additions: readonly string[],
): Change {
  const deletions = outdated.find((change) => isIn(change, slot))?.deletions ?? [];
  const asWanted =
    deletions.length === additions.length && deletions.every((spec, i) => spec === additions[i]);
  return asWanted ? { ...slot, deletions: [], additions: [] } : { ...slot, deletions, additions };
}

type Matches = (rule: InstalledRule) => boolean;

async function evict(
  node: Node,
  tag: string,
  addresses: readonly string[],
): Promise<readonly string[]> {
  const early = await takeEarly(node);
  const matches: Matches = (rule) => addresses.includes(rule.address);
  const gone = await node.locks.hold(addresses, node.lockTimeoutMs, async () =>
    clearSlots(node, await listableSlots(node, familiesOf(addresses)), early, matches),
  );
  return evictedTags(gone, tag, addresses);
}

/** Needs no lock: what it takes away is named, and a DEL must not depend on anything more than it has to. */
async function remove(node: Node, matches: Matches, known: RulePlace | undefined): Promise<void> {
  const { present, unlistable } = await (known === undefined
    ? slotsWithRules(node, FAMILIES)
    : slotsWithRules(node, familiesOf(known.addresses), [known.backend]));
  const failures = [...unlistable];
  await clearSlots(node, present, await takeEarly(node), matches).catch((error: unknown) =>
    failures.push(toCniError(error)),
  );
  throwTogether(failures);
}

/**
 * Each slot on its own: trouble in one keeps no rule in another. Throws the first failure, with the
 * others in its details.
 */
async function clearSlots(
  tables: Tables,
  slots: readonly Slot[],
  early: EarlyListing | undefined,
  matches: Matches,
): Promise<Rules> {
  const plan = (installed: Rules): readonly Change[] => removals(installed.filter(matches));
  const outcomes = await Promise.allSettled(
    slots.map((slot) => settle(tables, [slot], early, plan)),
  );
  throwTogether(
    outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [toCniError(outcome.reason)] : [],
    ),
  );
  return outcomes.flatMap((outcome) =>
    outcome.status === "fulfilled" ? outcome.value.filter(matches) : [],
  );
}

// Used once: a change makes it stale.
async function takeEarly(node: Node): Promise<EarlyListing | undefined> {
  const early = await node.early;
  node.early = undefined;
  return early;
}

async function probe(node: Node): Promise<void> {
  await listableSlots(node, FAMILIES);
  const slot: Slot = { backend: (await node.detected()).backend, family: 4 };
  // A legacy table that does not exist yet would be created by looking; a missing program is for save() to say.
  const canLook =
    slot.backend === "nft" || node.host.legacyTables(4).includes("mangle") || !node.tools.has(slot);
  if (canLook) await node.tools.save(slot, "mangle");
}

function removals(rules: Rules): readonly Change[] {
  return BACKENDS.flatMap((backend) => FAMILIES.map((family) => ({ backend, family })))
    .map((slot) => ({
      ...slot,
      deletions: rules.filter((rule) => isIn(rule, slot)).map((rule) => rule.spec),
      additions: [],
    }))
    .filter((change) => change.deletions.length > 0);
}

function familiesOf(addresses: readonly string[]): readonly Family[] {
  return FAMILIES.filter((family) => addresses.some((address) => familyOf(address) === family));
}

function evictedTags(before: Rules, tag: string, addresses: readonly string[]): readonly string[] {
  return [
    ...new Set(
      before
        .filter((rule) => rule.tag !== tag && addresses.includes(rule.address))
        .map((rule) => rule.tag),
    ),
  ];
}

// A rule of ours is in a flavour only because we put it there since the node was started.
function mayHaveUsed(
  { dataDir, recordedBackends = () => [] }: IptablesOptions,
  backend: Backend,
): boolean {
  return recallBackend(dataDir) === backend || recordedBackends().includes(backend);
}

function remember({ dataDir, log }: Node, backend: Backend): void {
  const trouble = rememberBackend(dataDir, backend);
  if (trouble !== undefined) log.write("debug", trouble, {});
}
