/** Marks as rules in the mangle table, through iptables-save and iptables-restore: one listing, one transaction per family. */
import { type CniError, settleTogether, throwTogether, toCniError } from "../../cni/error";
import { FAMILIES, familiesOf } from "../../net/family";
import { localHost, type Host, type IptablesVariant } from "../../node/host";
import type {
  Confirm,
  Exec,
  Locks,
  Log,
  MarkBackend,
  MarkOrder,
  MarkPlace,
  Marks,
} from "../../ports";
import type { OwnChanges } from "../own-changes";
import { attachmentTag } from "../tag";
import { rulesFor, ruleSpecs, toInstalledMark, type InstalledRule } from "./format";
import { removeOrdered } from "./ordered";
import { createTools, type Slot } from "./programs";
import { restore } from "./restore";
import { trafficIn } from "./traffic";
import {
  isIn,
  listableSlots,
  listEarly,
  listSlots,
  settle,
  slotsWithRules,
  VARIANTS,
  type Change,
  type EarlyListing,
  type Rules,
  type Tables,
} from "./transaction";
import { detectVariant, recallVariant, rememberVariant, type Detected } from "./variant";

export interface IptablesOptions {
  readonly exec: Exec;
  readonly locks: Locks;
  readonly lockTimeoutMs: number;
  readonly configured: "auto" | IptablesVariant;
  readonly dataDir: string;
  readonly log: Log;
  /** Places that records of attachments name; asked only where a variant's programs are missing. */
  readonly recordedPlaces?: () => readonly string[];
  /** Is told what is removed. */
  readonly own?: OwnChanges;
  /** Tests put another node here. */
  readonly host?: Host;
}

/** What one operation works with. */
interface Operation extends Tables {
  readonly configured: "auto" | IptablesVariant;
  readonly log: Log;
  readonly detected: () => Promise<Detected>;
  early: Promise<EarlyListing | undefined> | undefined;
  soon: NodeJS.Immediate | undefined;
}

/**
 * Marks as rules of iptables. A place is a variant, as in every record ever written. Nothing is
 * executed before the first call of an opened operation.
 */
export function createIptablesBackend(options: IptablesOptions): MarkBackend {
  return {
    places: VARIANTS,
    home: () =>
      options.configured === "auto" ? recallVariant(options.dataDir) : options.configured,
    pieces: (marking) =>
      rulesFor(marking).map(({ address, piece, mark }) => ({ address, piece, mark })),
    open: (environment) => openMarks(options, environment),
  };
}

function openMarks(options: IptablesOptions, environment: Readonly<Record<string, string>>): Marks {
  const host = options.host ?? localHost;
  const tools = createTools(options.exec, host, {
    lockTimeoutMs: options.lockTimeoutMs,
    cniEnv: environment,
    mayHaveUsed: (variant) => mayHaveUsed(options, variant),
    own: options.own,
  });
  let detected: Promise<Detected> | undefined;
  const operation: Operation = {
    ...options,
    host,
    tools,
    early: undefined,
    soon: undefined,
    detected: () => (detected ??= detectVariant({ ...options, host, tools })),
  };
  return {
    anticipate: (willBeInstalled = false) => {
      operation.early = listEarly(operation).catch(() => undefined);
      if (willBeInstalled) prepareSoon(operation);
    },
    install: (order) => released(operation, () => install(operation, order)),
    restore: (orders) =>
      restore(operation, orders, async () => {
        const { variant, fresh } = await operation.detected();
        if (fresh) remember(operation, variant);
        return variant;
      }),
    evict: (key, addresses, confirm) =>
      released(operation, () => evict(operation, attachmentTag(key), { addresses, confirm })),
    remove: async (tags, known, leaving) => {
      if (tags.length === 0) return;
      await released(operation, () =>
        remove(operation, (rule) => tags.includes(rule.tag), known, leaving?.outOfForce),
      );
    },
    list: async () =>
      (await listSlots(operation, await listableSlots(operation, FAMILIES))).map(toInstalledMark),
    traffic: async () => trafficIn(operation, await listableSlots(operation, FAMILIES)),
    probe: () => probe(operation),
  };
}

// After the listing, which is needed first. While the delegate runs there is a processor for it; afterwards its start
// would be waited for. A variant that is still to be found out is found out first.
function prepareSoon(operation: Operation): void {
  const { configured, dataDir, tools } = operation;
  const variant = configured === "auto" ? recallVariant(dataDir) : configured;
  if (variant === undefined) return;
  operation.soon = setImmediate(() => tools.prepare({ variant, family: 4 }));
}

async function released<T>(operation: Operation, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } finally {
    clearImmediate(operation.soon);
    operation.tools.release();
  }
}

async function install(
  operation: Operation,
  order: MarkOrder,
): Promise<{ place: string; evicted: readonly string[] }> {
  const { variant, fresh } = await operation.detected();
  if (fresh) remember(operation, variant);
  const tag = attachmentTag(order.key);
  const families = familiesOf(order.addresses);
  const early = await takeEarly(operation);
  return operation.locks.hold(order.addresses, operation.lockTimeoutMs, async () => {
    order.confirm?.();
    const slots = await listableSlots(operation, families);
    const before = await settle(operation, slots, early, (installed) => {
      const outdated = removals(
        installed.filter((r) => r.tag === tag || order.addresses.includes(r.address)),
      );
      const others = outdated.filter((change) => change.variant !== variant);
      return [
        ...families.map((family) =>
          replacement(outdated, { variant, family }, ruleSpecs(order, family)),
        ),
        ...others,
      ];
    });
    return { place: variant, evicted: evictedTags(before, tag, order.addresses) };
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
  operation: Operation,
  tag: string,
  { addresses, confirm }: { addresses: readonly string[]; confirm: Confirm | undefined },
): Promise<readonly string[]> {
  const early = await takeEarly(operation);
  const matches: Matches = (rule) => addresses.includes(rule.address);
  const gone = await operation.locks.hold(addresses, operation.lockTimeoutMs, async () => {
    confirm?.();
    const slots = await listableSlots(operation, familiesOf(addresses));
    return clearSlots(operation, slots, early, matches);
  });
  return evictedTags(gone, tag, addresses);
}

/**
 * Needs no lock: it names what it removes, and a DEL must depend on as little as possible. What the record
 * says is out of force first; then a listing finds what it does not say: rules that somebody has doubled
 * or changed.
 */
async function remove(
  operation: Operation,
  matches: Matches,
  known: MarkPlace | undefined,
  outOfForce: (() => void) | undefined,
): Promise<void> {
  const ordered = removeOrdered(operation, known, outOfForce ?? (() => {}));
  await ordered.settled;
  const failures: CniError[] = [];
  const keep = (error: unknown): void => void failures.push(toCniError(error));
  // The listing need not wait until the memory of the rules has been freed.
  await Promise.all(
    [ordered.ended, removeListed(operation, matches, known)].map((each) => each.catch(keep)),
  );
  throwTogether(failures);
}

async function removeListed(
  operation: Operation,
  matches: Matches,
  known: MarkPlace | undefined,
): Promise<void> {
  const variant = VARIANTS.find((each) => each === known?.backend);
  const { present, unlistable } = await (known === undefined || variant === undefined
    ? slotsWithRules(operation, FAMILIES)
    : slotsWithRules(operation, familiesOf(known.addresses), [variant]));
  const failures: CniError[] = [...unlistable];
  await clearSlots(operation, present, await takeEarly(operation), matches).catch(
    (error: unknown) => failures.push(toCniError(error)),
  );
  throwTogether(failures);
}

/**
 * Each slot on its own: a failure in one keeps no rule in another. Throws all failures together.
 */
async function clearSlots(
  tables: Tables,
  slots: readonly Slot[],
  early: EarlyListing | undefined,
  matches: Matches,
): Promise<Rules> {
  const plan = (installed: Rules): readonly Change[] => removals(installed.filter(matches));
  const before = await settleTogether(slots.map((slot) => settle(tables, [slot], early, plan)));
  return before.flat().filter(matches);
}

// Used once, because a change makes it stale.
async function takeEarly(operation: Operation): Promise<EarlyListing | undefined> {
  const early = await operation.early;
  operation.early = undefined;
  return early;
}

async function probe(operation: Operation): Promise<void> {
  await listableSlots(operation, FAMILIES);
  const slot: Slot = { variant: (await operation.detected()).variant, family: 4 };
  // Looking would create a legacy table that does not exist yet; save() reports a missing program.
  const canLook =
    slot.variant === "nft" ||
    operation.host.legacyTables(4).includes("mangle") ||
    !operation.tools.has(slot);
  if (canLook) await operation.tools.save(slot, "mangle");
}

function removals(rules: Rules): readonly Change[] {
  return VARIANTS.flatMap((variant) => FAMILIES.map((family) => ({ variant, family })))
    .map((slot) => ({
      ...slot,
      deletions: rules.filter((rule) => isIn(rule, slot)).map((rule) => rule.spec),
      additions: [],
    }))
    .filter((change) => change.deletions.length > 0);
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

// A managed rule is in a variant only if it was put there since the node was started.
function mayHaveUsed(
  { dataDir, recordedPlaces = () => [] }: IptablesOptions,
  variant: IptablesVariant,
): boolean {
  return recallVariant(dataDir) === variant || recordedPlaces().includes(variant);
}

function remember({ dataDir, log }: Operation, variant: IptablesVariant): void {
  const problem = rememberVariant(dataDir, variant);
  if (problem !== undefined) log.write("debug", problem, {});
}
