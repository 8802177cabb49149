/** Pure: the changes that make the node match a plan, and those that undo what was done. */
import type { CniError } from "../../cni/error";
import { returningRoutes } from "./displaced";
import {
  type Action,
  type ForwardRule,
  type IpRoute,
  type IpRule,
  type NodeState,
  type RoutesPlan,
  type RoutesRecord,
} from "../model";
import { rulesBeforeRoutes, missingRules } from "./rule-order";
import { indexRoutes, ownRuleKey, routePlace, ruleKey } from "./identity";
import { restoredSysctls, staleSysctls, sysctlChanges } from "./sysctls";
import { linkChanges, linksToRemove } from "../links/changes";
import type { LinksPlan } from "../links/plan";
import type { LinkChange } from "../link-model";
import { tableText } from "../plan/nft-table";
import { isOurNamesFile } from "../plan/table-names";

/** The parts of the node's firewall and files that are ours, as they are now. */
export interface OwnThings {
  /** Our FORWARD rules in the order of the chain, also those of the variant that is not in use. */
  readonly forward: readonly ForwardRule[];
  /** Why the FORWARD rules could not be read; they are left as they are then. */
  readonly forwardError?: CniError;
  /** Our nftables table as the kernel lists it; undefined: absent. */
  readonly natListing: string | undefined;
  /** Text of a file; undefined: absent. */
  readonly file: (path: string) => string | undefined;
  /** Path of the half-written file that a killed writer left beside this one; undefined: none. */
  readonly leftover: (path: string) => string | undefined;
  /** Those of a directory and its parents that do not exist, the outermost first. */
  readonly absent: (directory: string) => readonly string[];
}

export interface DiffInput {
  readonly plan: RoutesPlan;
  readonly links: LinksPlan;
  /** With the links as planned, unless somebody wants to know how it is now. */
  readonly state: NodeState;
  /** What the kernel has. */
  readonly now: NodeState;
  readonly own: OwnThings;
  readonly record: RoutesRecord;
  /** The rules of translation while packets leave by old and new devices. */
  readonly translationBetween: readonly string[];
  /** Whether kernel settings are changed, too. */
  readonly sysctl: boolean;
}

/**
 * The changes that make the node match the plan, in an order in which no packet ever finds a rule
 * without its table, nor a table without its stop: links, translation, lookups of tables that change
 * owner, routes (stops first), rules (exclusions first), what an earlier plan left. What lets
 * packets through at all comes after that.
 */
export function changesFor(input: DiffInput): readonly Action[] {
  const { plan, state, own, record, sysctl } = input;
  const routes = plan.routes.map(({ item }) => item);
  const [natFirst, natLast] = natChanges(input);
  return [
    ...linkActions(
      linkChanges(input.links, {
        ...{ links: input.now.links, sysctl: input.now.sysctl },
        recorded: record.links,
      }),
    ),
    ...natFirst,
    ...aroundRoutes(input, inOrder(missingRoutes(routes, state.routes))),
    ...staleRoutes(routes, state.routes, record).map((route): Action => ({
      kind: "route",
      op: "del",
      route,
    })),
    ...natLast,
    ...returningRoutes(plan, state, record).map((route): Action => ({
      kind: "route",
      op: "replace",
      route,
    })),
    ...(own.forwardError === undefined
      ? forwardChanges(
          plan.forward.map(({ item }) => item),
          own.forward,
        )
      : []),
    ...(sysctl
      ? [...sysctlChanges(plan, state), ...staleSysctls(plan, state, record.sysctls)]
      : []),
    ...fileChanges(plan, own, record),
  ];
}

/** The changes of the routes, with the changes of rules that have to come before and after them. */
function aroundRoutes(
  { plan, state, record }: DiffInput,
  routes: readonly Action[],
): readonly Action[] {
  const wanted = plan.rules.map(({ item }) => item);
  const { stops, lookups } = rulesBeforeRoutes(wanted, state.rules, record);
  const gone = new Set(lookups.map(ownRuleKey));
  const between = [...state.rules.filter((rule) => !gone.has(ownRuleKey(rule))), ...stops];
  const change =
    (op: "add" | "del") =>
    (rule: IpRule): Action => ({ kind: "rule", op, rule });
  return [
    ...stops.map(change("add")),
    ...lookups.map(change("del")),
    ...routes,
    ...missingRules(wanted, between),
    ...staleRules(wanted, between, record).map(change("del")),
  ];
}

/**
 * The changes that undo everything in `record`: what lets packets through first, then the tenants'
 * rules.
 */
export function changesToRemove(
  record: RoutesRecord,
  state: NodeState,
  own: OwnThings,
): readonly Action[] {
  return [
    ...restoredSysctls(record.sysctls, state),
    ...own.forward.map((rule): Action => ({ kind: "forward", op: "del", rule })),
    ...staleRules([], state.rules, record).map((rule): Action => ({
      kind: "rule",
      op: "del",
      rule,
    })),
    ...staleRoutes([], state.routes, record).map((route): Action => ({
      kind: "route",
      op: "del",
      route,
    })),
    ...(own.natListing === undefined ? [] : [{ kind: "nat", text: undefined } as const]),
    ...removedNames(record.names, own),
    ...[...record.directories].reverse().map((path): Action => ({ kind: "directory", path })),
    ...linkActions(linksToRemove(state.links, record.links)),
    ...returningRoutes({ rules: [], routes: [] }, state, record).map((route): Action => ({
      kind: "route",
      op: "replace",
      route,
    })),
  ];
}

function linkActions(changes: readonly LinkChange[]): readonly Action[] {
  return changes.map((change): Action => ({ kind: "link", change }));
}

function forwardChanges(
  wanted: readonly ForwardRule[],
  present: readonly ForwardRule[],
): readonly Action[] {
  const key = ({ family, spec, backend }: ForwardRule): string =>
    `${family} ${spec} ${backend ?? ""}`;
  const has = (list: readonly ForwardRule[], rule: ForwardRule): boolean =>
    list.some((other) => key(other) === key(rule));
  // A rule that is there twice is one too many.
  const surplus = present.filter(
    (rule, i) => !has(wanted, rule) || present.findIndex((other) => key(other) === key(rule)) !== i,
  );
  return [
    ...wanted
      .filter((rule) => !has(present, rule))
      .map((rule): Action => ({ kind: "forward", op: "insert", rule })),
    ...surplus.map((rule): Action => ({ kind: "forward", op: "del", rule })),
  ];
}

// The kernel does not list the table as we write it, so both texts are recorded and compared.
// Returns the changes before and after the routes: connections that begin in between are translated
// whichever device they leave by.
function natChanges({
  plan,
  own: { natListing: listing },
  record,
  translationBetween: translation,
}: DiffInput): readonly [readonly Action[], readonly Action[]] {
  const text = tableText(plan);
  const same =
    text === undefined
      ? listing === undefined
      : record.nat?.text === text && record.nat.listing === listing;
  if (same) return [[], []];
  const change: readonly Action[] = [{ kind: "nat", text }];
  const between = tableText({ ...plan, translation });
  return between === text ? [change, []] : [[{ kind: "nat", text: between }], change];
}

function missingRoutes(
  wanted: readonly IpRoute[],
  present: readonly IpRoute[],
): readonly IpRoute[] {
  const index = indexRoutes(present);
  return wanted.filter((route) => index.like(route).length === 0);
}

/**
 * A table's stop comes before everything else. A network with gateways of its own gets them before what is behind them:
 * until then its packets take the tenant's own gateways, and the stop alone would lose them.
 */
function inOrder(routes: readonly IpRoute[]): readonly Action[] {
  const isStop = ({ type, dst }: IpRoute): boolean => type === "unreachable" && dst === "default";
  const ordered = [
    ...routes.filter(isStop),
    ...routes.filter((route) => !isStop(route)).sort((a, b) => a.metric - b.metric),
  ];
  return ordered.map((route): Action => ({ kind: "route", op: "replace", route }));
}

function staleRules(
  wanted: readonly IpRule[],
  present: readonly IpRule[],
  record: RoutesRecord,
): readonly IpRule[] {
  const [keep, there] = [new Set(wanted.map(ruleKey)), new Set(present.map(ownRuleKey))];
  // The tenants' rules before the one that keeps local traffic local, and a stop before the lookup
  // that precedes it.
  const backwards = [...record.rules].sort(
    (a, b) =>
      b.priority - a.priority || Number(b.unreachable ?? false) - Number(a.unreachable ?? false),
  );
  return backwards.filter((rule) => !keep.has(ruleKey(rule)) && there.has(ownRuleKey(rule)));
}

// By place: a route that was replaced is gone already, and the one that is there now may be
// foreign. What is behind other routes goes first, so that no packet ends at a stop alone.
function staleRoutes(
  wanted: readonly IpRoute[],
  present: readonly IpRoute[],
  record: RoutesRecord,
): readonly IpRoute[] {
  const [keep, index] = [new Set(wanted.map(routePlace)), indexRoutes(present)];
  return record.routes
    .filter((route) => !keep.has(routePlace(route)))
    .sort((a, b) => b.metric - a.metric)
    .flatMap((route) => index.like(route).slice(0, 1));
}

function fileChanges(plan: RoutesPlan, own: OwnThings, record: RoutesRecord): readonly Action[] {
  const { names } = plan;
  return [
    ...(record.names === names?.path ? [] : removedNames(record.names, own)),
    ...(names === undefined || own.file(names.path) === names.text
      ? []
      : [{ kind: "file", ...names } as const]),
  ];
}

function removedNames(path: string | undefined, { file, leftover }: OwnThings): readonly Action[] {
  if (path === undefined) return [];
  const [text, temporary] = [file(path), leftover(path)];
  return [
    ...(text === undefined || !isOurNamesFile(text)
      ? []
      : [{ kind: "file", path, text: undefined } as const]),
    ...(temporary === undefined
      ? []
      : [{ kind: "file", path: temporary, text: undefined } as const]),
  ];
}

/** The path of the tables' names when a foreign file is there; undefined: none is in the way. */
export function foreignNames({
  plan: { names },
  own,
}: Pick<DiffInput, "plan" | "own">): string | undefined {
  const present = names === undefined ? undefined : own.file(names.path);
  return present === undefined || isOurNamesFile(present) ? undefined : names?.path;
}
