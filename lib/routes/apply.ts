/** Compares the node with the configuration, and takes back what was changed. */
import type { PluginConf } from "../../conf/types";
import { CniError } from "../cni/error";
import { type CollisionInput, findCollisions } from "./conflicts/collisions";
import { changesFor, changesToRemove, foreignNames } from "./changes/changes";
import { recordAfter } from "./changes/record";
import { carryOutAll, type RoutesView, sameRecord, unreadOf } from "./carry-out";
import { desiredRoutes, routedTenants } from "./plan/desired";
import { withPods } from "./conflicts/hit-pods";
import { findFindings } from "./conflicts/findings";
import type { Collision, Finding } from "./conflicts/kinds";
import type { Health } from "./plan/gateways";
import type { Kernel } from "./kernel/kernel";
import { linkCollisions, linkFindings } from "./conflicts/links";
import { planLinks } from "./links/plan";
import { withLinks } from "./links/project";
import { formerDevices, translationRules } from "./plan/nat";
import { guardedWays } from "./plan/way-guard";
import { hasRetiredMarks, retiredMarks } from "./plan/retired-marks";
import type { RecordFile } from "./kernel/record";
import { type Action, type CarriedMark, EMPTY_RECORD, type Surroundings } from "./model";
import { indexRoutes, ruleKey } from "./changes/identity";
import { errorText } from "./text";

/** The node, as far as its routes are concerned. */
export interface RoutesNode {
  readonly kernel: Kernel;
  readonly records: RecordFile;
  readonly readSurroundings: () => Promise<Surroundings>;
  /** The marks of the pods that run. Throws CniError `journal`. */
  readonly carriedMarks: () => readonly CarriedMark[];
  /** Whether the guard is in use on this node. */
  readonly isGuarded: () => boolean;
}

export interface LookOptions {
  /** Whether kernel settings are among the changes. */
  readonly sysctl: boolean;
  readonly health?: Health;
  /**
   * The plan is for the links that there are, and not for those that there will be: how packets fare now.
   */
  readonly asItIs?: boolean;
}

/** Compares the node with the configuration. Changes nothing. */
export async function look(
  conf: PluginConf,
  { kernel, records, carriedMarks, isGuarded }: RoutesNode,
  { sysctl, health, asItIs = false }: LookOptions,
): Promise<RoutesView> {
  const [now, record] = [await kernel.state(conf.routes.links), records.read()];
  const links = planLinks({
    wanted: conf.routes.links,
    links: now.links,
    recorded: record.links,
  });
  const state = asItIs ? now : withLinks(now, links);
  const retired = hasRetiredMarks(conf, record) ? retiredMarks(conf, record, carriedMarks()) : [];
  const desired = desiredRoutes(conf, state, health, retired);
  const plan = { ...desired, ways: isGuarded() ? guardedWays(conf, state, desired) : [] };
  const devices = [...plan.gateways, ...formerDevices(conf, record)];
  const translationBetween = translationRules(conf, devices);
  const own = await kernel.own(plan, record);
  const input = { plan, links, state, now, own, record, translationBetween, sysctl };
  return { ...input, actions: changesFor(input) };
}

/** What is foreign and would disturb the plan, or be disturbed by it. */
export async function collisionsOf(
  conf: PluginConf,
  { readSurroundings, carriedMarks }: Pick<RoutesNode, "readSurroundings" | "carriedMarks">,
  view: RoutesView,
): Promise<readonly Collision[]> {
  const { plan, state } = view;
  const names = foreignNames(view);
  const found = findCollisions({
    tenants: routedTenants(conf),
    plan,
    state,
    surroundings: await readSurroundings(),
    isOurs: isOursIn(view),
  });
  return [
    ...linkCollisions(view.links),
    ...hitting(found, carriedMarks),
    ...(names === undefined ? [] : [{ kind: "name", tenant: undefined, path: names } as const]),
  ];
}

/** Records that cannot be read keep nobody from seeing the collisions. */
function hitting(
  found: readonly Collision[],
  carriedMarks: RoutesNode["carriedMarks"],
): readonly Collision[] {
  if (found.length === 0) return found;
  try {
    return withPods(found, carriedMarks());
  } catch (thrown) {
    if (thrown instanceof CniError) return found;
    throw thrown;
  }
}

/** Recognises rules and routes that this plan or an earlier one asks for. */
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
export function findingsOf(
  conf: PluginConf,
  { plan, state, links }: RoutesView,
): readonly Finding[] {
  return [...linkFindings(links), ...findFindings({ conf, plan, state })];
}

/**
 * Takes everything back that was done. Without a record, what the configuration asks for counts as
 * ours. Returns the changes made. When something cannot be taken back, the rest is taken back
 * first; then it throws the first CniError, and the record is kept for another try.
 */
export async function removeRoutes(conf: PluginConf, node: RoutesNode): Promise<readonly Action[]> {
  const view = await look(conf, node, { sysctl: false });
  const record = sameRecord(view.record, EMPTY_RECORD) ? recordAfter(view) : view.record;
  const actions = changesToRemove(record, view.now, view.own);
  const { made, refused } = await carryOutAll(actions, { ...view, record: EMPTY_RECORD }, node);
  const [first, ...more] = [...unreadOf(view), ...refused.map(({ error }) => error)];
  if (first !== undefined)
    throw more.reduce((error, each) => error.withDetails(errorText(each)), first);
  node.records.remove();
  return made;
}
