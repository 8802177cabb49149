/** Looks at the node, and makes it match the configuration or takes everything back. */
import type { PluginConf } from "../../conf/types";
import { CniError, toCniError } from "../cni/error";
import { type CollisionInput, findCollisions } from "./conflicts/collisions";
import { changesFor, changesToRemove, type DiffInput, foreignNames } from "./changes/changes";
import { joinRecords, recordAfter } from "./changes/record";
import { desiredRoutes, routedTenants } from "./plan/desired";
import { irreplaceable } from "./changes/displaced";
import { findFindings } from "./conflicts/findings";
import type { Health } from "./plan/gateways";
import type { Kernel } from "./kernel/kernel";
import { formerDevices, natTable } from "./plan/nat";
import { hasRetiredMarks, retiredMarks } from "./plan/retired-marks";
import type { RecordFile } from "./kernel/record";
import {
  type Action,
  type CarriedMark,
  type Collision,
  EMPTY_RECORD,
  type Finding,
  type IpRoute,
  type RoutesRecord,
  type Surroundings,
  TABLE_MAIN,
} from "./model";
import { indexRoutes, routePlace, ruleKey, satisfies } from "./changes/identity";
import { actionText } from "./text";

/** The node, as far as the routes go. */
export interface RoutesNode {
  readonly kernel: Kernel;
  readonly records: RecordFile;
  readonly lookAround: () => Promise<Surroundings>;
  /** The marks of the pods that run. Throws CniError `journal`. */
  readonly carriedMarks: () => readonly CarriedMark[];
}

export interface LookOptions {
  /** Whether kernel settings are among the changes. */
  readonly sysctl: boolean;
  readonly health?: Health;
}

/** What the node has, what it should have, and the way from one to the other. */
export interface RoutesView extends DiffInput {
  readonly actions: readonly Action[];
}

/** Compares the node with the configuration. Changes nothing. */
export async function look(
  conf: PluginConf,
  { kernel, records, carriedMarks }: RoutesNode,
  { sysctl, health }: LookOptions,
): Promise<RoutesView> {
  const [state, record] = [await kernel.state(), records.read()];
  const retired = hasRetiredMarks(conf, record) ? retiredMarks(conf, record, carriedMarks()) : [];
  const plan = desiredRoutes(conf, state, health, retired);
  const natBetween = natTable(conf, [...plan.gateways, ...formerDevices(conf, record)]);
  const input = { plan, state, own: await kernel.own(plan, record), record, natBetween, sysctl };
  return { ...input, actions: changesFor(input) };
}

/** What others have that the plan would disturb, or that would disturb it. */
export async function collisionsOf(
  conf: PluginConf,
  { lookAround }: RoutesNode,
  view: RoutesView,
): Promise<readonly Collision[]> {
  const { plan, state } = view;
  const names = foreignNames(view);
  const found = findCollisions({
    tenants: routedTenants(conf),
    plan,
    state,
    surroundings: await lookAround(),
    isOurs: isOursIn(view),
  });
  return [
    ...found,
    ...(names === undefined ? [] : [{ kind: "name", tenant: undefined, text: names } as const]),
  ];
}

/** Tells what the plan asks for, or an earlier one did. */
export function isOursIn({
  plan,
  record,
}: Pick<RoutesView, "plan" | "record">): CollisionInput["isOurs"] {
  const wantedRules = new Set(
    [...plan.rules.map(({ item }) => item), ...record.rules].map(ruleKey),
  );
  const ourRoutes = indexRoutes([...plan.routes.map(({ item }) => item), ...record.routes]);
  return {
    rule: (rule) => wantedRules.has(ruleKey(rule)),
    route: (route) => ourRoutes.wants(route),
  };
}

/** What keeps the routes from working as expected. */
export function findingsOf(conf: PluginConf, { plan, state }: RoutesView): readonly Finding[] {
  return findFindings({ conf, plan, state });
}

/**
 * Carries the changes out and keeps the record. What fails is returned and holds up nothing else,
 * so that a gateway or an exclusion that the kernel refuses, or a missing nft, opens no tenant's stop.
 * Only another rule or a stop that fails ends the work with a CniError, because what follows would lead packets
 * astray; the next apply or remove goes on from what the record says. A file of others in the way,
 * or a route that could not be put back, ends it (`io`) before anything is changed.
 */
export async function carryOut(
  view: RoutesView,
  { kernel, records }: RoutesNode,
): Promise<readonly CniError[]> {
  const after = recordAfter(view);
  const obstacle = foreignNames(view) ?? irreplaceable(view.plan, view.state, view.record);
  if (obstacle !== undefined) throw new CniError("io", obstacle);
  const failures: CniError[] = troublesOf(view);
  if (view.actions.length === 0 && sameRecord(view.record, after)) return failures;
  const joined = joinRecords(view.record, after);
  const unrecorded = tryWrite(records, view.record, joined);
  if (unrecorded.length > 0 && !isRecoverable(view, after)) throw unrecorded[0];
  for (const action of view.actions) failures.push(...(await carryOutOne(action, view, kernel)));
  // What could not be taken away is still to be taken away.
  const left = await withListing(failures.length === 0 ? after : joined, kernel);
  return [...failures, ...tryWrite(records, unrecorded.length > 0 ? view.record : joined, left)];
}

async function withListing(record: RoutesRecord, kernel: Kernel): Promise<RoutesRecord> {
  if (record.nat === undefined) return record;
  return { ...record, nat: { text: record.nat.text, listing: (await kernel.natListing()) ?? "" } };
}

// Nothing is written that is there already: a repair needs no room on a full disk.
function tryWrite(
  records: RecordFile,
  present: RoutesRecord,
  next: RoutesRecord,
): readonly CniError[] {
  if (sameRecord(present, next)) return [];
  try {
    records.write(next);
    return [];
  } catch (thrown) {
    return [toCniError(thrown)];
  }
}

/** Whether `remove` would find without a record what these changes make: rules by their protocol, routes by the tenants' tables. */
function isRecoverable({ actions, record }: RoutesView, after: RoutesRecord): boolean {
  const known = actions.every(
    (action) =>
      action.kind === "rule" || (action.kind === "route" && action.route.table !== TABLE_MAIN),
  );
  return known && after.displaced.every((route) => record.displaced.includes(route));
}

/** What could not be read, and so is not changed. */
export function troublesOf({ own: { forwardTrouble } }: Pick<RoutesView, "own">): CniError[] {
  return forwardTrouble === undefined ? [] : [forwardTrouble];
}

// Returns what failed, throws it when nothing may follow.
async function carryOutOne(
  action: Action,
  view: RoutesView,
  kernel: Kernel,
): Promise<readonly CniError[]> {
  try {
    await kernel.perform(action);
    return [];
  } catch (thrown) {
    const error = withCommand(toCniError(thrown), action);
    if (isVital(action)) throw error;
    for (const route of outlived(action, view))
      await kernel.perform({ kind: "route", op: "del", route });
    return [error];
  }
}

/** Without an exclusion some packets take their tenant's gateway; without any other rule, or a stop, they take a stranger's. */
function isVital(action: Action): boolean {
  if (action.kind === "route") return action.route.type !== "unicast";
  return (
    action.kind === "rule" &&
    (action.rule.fwmark !== undefined || action.rule.suppressPrefixLength !== undefined)
  );
}

// The route that was to be replaced leads where the tenant's packets must not go any more.
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
 * Takes back all that was done. Without a record, what the configuration asks for counts as ours.
 * Returns the changes made. Throws the first CniError when something could not be taken back, after
 * all the rest was; the record is kept then, for another try.
 */
export async function removeRoutes(conf: PluginConf, node: RoutesNode): Promise<readonly Action[]> {
  const view = await look(conf, node, { sysctl: false });
  const record = isEmpty(view.record) ? recordAfter(view) : view.record;
  const actions = changesToRemove(record, view.state, view.own);
  const failures: CniError[] = troublesOf(view);
  for (const action of actions)
    failures.push(...(await carryOutOne(action, { ...view, record: EMPTY_RECORD }, node.kernel)));
  const [first, ...more] = failures;
  if (first !== undefined)
    throw more.reduce(
      (error, { message, details }) => error.withDetails(`${message} (${details})`),
      first,
    );
  node.records.remove();
  return actions;
}

function withCommand(error: CniError, action: Action): CniError {
  return error.withDetails(doing(action));
}

function doing(action: Action): string {
  return `while doing: ${actionText(action).split("\n")[0] ?? ""}`;
}

/** The changes that were made, apart from those that `carryOut` returned as refused. */
export function madeOf(
  actions: readonly Action[],
  refused: readonly CniError[],
): readonly Action[] {
  return actions.filter(
    (action) => !refused.some(({ details }) => details.endsWith(doing(action))),
  );
}

function isEmpty(record: RoutesRecord): boolean {
  return sameRecord(record, EMPTY_RECORD);
}

function sameRecord(a: RoutesRecord, b: RoutesRecord): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function sorted(record: RoutesRecord): readonly unknown[] {
  const { rules, routes, displaced, sysctls, forward, nat, names, directories } = record;
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
  ];
}
