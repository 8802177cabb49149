/** Carries out the changes of the node and keeps the record of them. */
import { CniError, toCniError } from "../cni/error";
import { type DiffInput, foreignNames } from "./changes/changes";
import { irreplaceable } from "./changes/displaced";
import { routePlace, satisfies } from "./changes/identity";
import { joinRecords, recordAfter } from "./changes/record";
import type { Kernel } from "./kernel/kernel";
import type { RecordFile } from "./kernel/record";
import { type Action, type IpRoute, type RoutesRecord, TABLE_MAIN } from "./model";
import { actionText, foreignNamesText } from "./text";

/** What the node has, what it should have, and the changes from one to the other. */
export interface RoutesView extends DiffInput {
  readonly actions: readonly Action[];
}

/** A change that was tried and not made. */
export interface Refusal {
  readonly action: Action;
  /** Its details name the command. */
  readonly error: CniError;
}

/** What became of the changes. */
export interface CarriedOut {
  /** In the order in which they were made. */
  readonly made: readonly Action[];
  readonly refused: readonly Refusal[];
  /** Why something could not be read, and so was not changed. */
  readonly unread: readonly CniError[];
  /** Why the record does not say what was done. */
  readonly unrecorded: readonly CniError[];
}

/** Everything that went wrong, in the order in which it did. */
export function errorsOf({ unread, refused, unrecorded }: CarriedOut): readonly CniError[] {
  return [...unread, ...refused.map(({ error }) => error), ...unrecorded];
}

/**
 * Carries the changes out and keeps the record. A change that is refused holds up nothing else, so
 * that a gateway or an exclusion that the kernel refuses, or a missing nft, opens no tenant's stop.
 * Only another rule or a stop that is refused ends the work with a CniError, because what follows
 * would lead packets astray; the next apply or remove goes on from what the record says. A foreign
 * file in the way, or a route that could not be put back, ends it (`io`) before anything is
 * changed.
 */
export async function carryOut(
  view: RoutesView,
  node: { readonly kernel: Kernel; readonly records: RecordFile },
): Promise<CarriedOut> {
  const { kernel, records } = node;
  const after = recordAfter(view);
  const names = foreignNames(view);
  const obstacle =
    names === undefined
      ? irreplaceable(view.plan, view.state, view.record)
      : foreignNamesText(names);
  if (obstacle !== undefined) throw new CniError("io", obstacle);
  const unread = unreadOf(view);
  if (view.actions.length === 0 && sameRecord(view.record, after))
    return { made: [], refused: [], unread, unrecorded: [] };
  const joined = joinRecords(view.record, after);
  const before = tryWrite(records, view.record, joined);
  if (before !== undefined && !isRecoverable(view, after)) throw before;
  const { made, refused } = await carryOutAll(view.actions, view, node);
  // What could not be taken away is still to be taken away.
  const whole = unread.length + refused.length === 0;
  const left = await withListing(whole ? after : joined, kernel);
  const last = tryWrite(records, before === undefined ? joined : view.record, left);
  return { made, refused, unread, unrecorded: last === undefined ? [] : [last] };
}

/** Why something could not be read, and so is not changed. */
export function unreadOf({ own: { forwardError } }: Pick<RoutesView, "own">): readonly CniError[] {
  return forwardError === undefined ? [] : [forwardError];
}

/** Tries each of `actions` in turn. Throws the CniError of one after which nothing may follow. */
export async function carryOutAll(
  actions: readonly Action[],
  view: Pick<RoutesView, "state" | "record">,
  { kernel }: { readonly kernel: Kernel },
): Promise<Pick<CarriedOut, "made" | "refused">> {
  const [made, refused]: [Action[], Refusal[]] = [[], []];
  for (const action of actions) {
    if (isOfMissingLink(action, refused)) continue;
    const error = await tryOne(action, kernel);
    if (error === undefined) {
      made.push(action);
      continue;
    }
    if (isVital(action)) throw error;
    refused.push({ action, error });
    for (const route of outlived(action, view)) {
      const removal: Action = { kind: "route", op: "del", route };
      await kernel.perform(removal);
      made.push(removal);
    }
  }
  return { made, refused };
}

async function tryOne(action: Action, kernel: Kernel): Promise<CniError | undefined> {
  try {
    await kernel.perform(action);
    return undefined;
  } catch (thrown) {
    const [command = ""] = actionText(action).split("\n");
    return toCniError(thrown).withDetails(`while doing: ${command}`);
  }
}

// A link that could not be made is one failure, not one for each of its addresses.
function isOfMissingLink(action: Action, refused: readonly Refusal[]): boolean {
  if (action.kind !== "link") return false;
  const { name } = action.change;
  return refused.some(
    ({ action: earlier }) =>
      earlier.kind === "link" && earlier.change.op === "add" && earlier.change.name === name,
  );
}

/**
 * Without an exclusion some packets take their own tenant's gateway; without any other rule, or a
 * stop, they take another's.
 */
function isVital(action: Action): boolean {
  if (action.kind === "route") return action.route.type !== "unicast";
  return (
    action.kind === "rule" &&
    (action.rule.fwmark !== undefined || action.rule.suppressPrefixLength !== undefined)
  );
}

// The old route leads where the tenant's packets must not go any more.
function outlived(
  refused: Action,
  { state, record }: Pick<RoutesView, "state" | "record">,
): readonly IpRoute[] {
  if (refused.kind !== "route" || refused.op === "del" || refused.route.table === TABLE_MAIN)
    return [];
  const atPlace = state.routes.filter((route) => routePlace(route) === routePlace(refused.route));
  return atPlace.filter((route) => record.routes.some((ours) => satisfies(route, ours)));
}

/**
 * Whether `remove` would find what these changes make without a record: rules by their protocol,
 * routes by the tenants' tables, links by their marks.
 */
function isRecoverable({ actions, record }: RoutesView, after: RoutesRecord): boolean {
  const known = actions.every(
    (action) =>
      action.kind === "rule" ||
      // By their marks.
      action.kind === "link" ||
      (action.kind === "route" && action.route.table !== TABLE_MAIN),
  );
  return known && after.displaced.every((route) => record.displaced.includes(route));
}

async function withListing(record: RoutesRecord, kernel: Kernel): Promise<RoutesRecord> {
  if (record.nat === undefined) return record;
  return { ...record, nat: { text: record.nat.text, listing: (await kernel.natListing()) ?? "" } };
}

// A record that says it already is not written again, so a repair needs no room on a full disk.
function tryWrite(
  records: RecordFile,
  present: RoutesRecord,
  next: RoutesRecord,
): CniError | undefined {
  if (sameRecord(present, next)) return undefined;
  try {
    records.write(next);
    return undefined;
  } catch (thrown) {
    return toCniError(thrown);
  }
}

/** Whether both say the same. */
export function sameRecord(a: RoutesRecord, b: RoutesRecord): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(record: RoutesRecord): readonly unknown[] {
  const { rules, routes, displaced, sysctls, forward, nat, names, directories, links } = record;
  return [
    rules,
    routes,
    displaced,
    Object.entries(sysctls).sort(),
    forward,
    nat?.text,
    nat?.listing,
    names,
    directories,
    links,
  ];
}
