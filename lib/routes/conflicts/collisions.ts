/** Pure: what is foreign on the node and would disturb the plan, or be disturbed by it. */
import type { Mark } from "../../net/mark";
import type { Collision } from "./kinds";
import { markCollisions } from "./mark-collisions";
import { routePlace } from "../changes/identity";
import { tableName } from "../plan/table-names";
import {
  type IpRoute,
  type IpRule,
  type NodeState,
  type RoutesPlan,
  type Surroundings,
  TABLE_LOCAL,
  TABLE_MAIN,
} from "../model";

export interface CollisionInput {
  readonly tenants: readonly { readonly name: string; readonly mark: Mark }[];
  readonly plan: RoutesPlan;
  readonly state: NodeState;
  readonly surroundings: Surroundings;
  /** Recognises what this plan or an earlier one asks for. */
  readonly isOurs: {
    readonly rule: (rule: IpRule) => boolean;
    readonly route: (route: IpRoute) => boolean;
  };
}

/** A table and its tenant. */
interface TenantTable {
  readonly tenant: string;
  readonly table: number;
}

/**
 * Every collision, at most one for each tenant, kind and place. None: the plan can be carried out.
 */
export function findCollisions(input: CollisionInput): readonly Collision[] {
  const { plan, state, isOurs } = input;
  const tables = tablesOf(plan);
  const rules = state.rules.filter((rule) => !isOurs.rule(rule));
  const routes = state.routes.filter((route) => !isOurs.route(route));
  return [
    ...markCollisions({ ...input, rules }),
    ...tables.flatMap((each) => [...lookups(each, rules), ...strangers(each, routes)]),
    ...samePriorities(plan, rules),
    ...lateLocalRules(plan, state),
    ...replacedRoutes(plan, routes),
    ...tables.flatMap((each) => takenNames(each, plan, input.surroundings)),
    ...input.surroundings.unseen.map((problem): Collision => ({
      kind: "unseen",
      tenant: undefined,
      problem,
    })),
  ];
}

function tablesOf(plan: RoutesPlan): readonly TenantTable[] {
  const pairs = [...plan.rules, ...plan.routes].flatMap(
    ({ tenant, item }): readonly TenantTable[] =>
      tenant === undefined || item.table === undefined ? [] : [{ tenant, table: item.table }],
  );
  return [...new Map(pairs.map((each) => [each.table, each])).values()];
}

function lookups({ tenant, table }: TenantTable, rules: readonly IpRule[]): readonly Collision[] {
  const foreign = rules.filter((rule) => rule.table === table);
  return foreign.length === 0 ? [] : [{ kind: "table", tenant, table, rules: foreign, routes: [] }];
}

function strangers(
  { tenant, table }: TenantTable,
  routes: readonly IpRoute[],
): readonly Collision[] {
  const foreign = routes.filter((route) => route.table === table);
  return foreign.length === 0 ? [] : [{ kind: "table", tenant, table, rules: [], routes: foreign }];
}

function samePriorities(
  { rules: planned }: RoutesPlan,
  rules: readonly IpRule[],
): readonly Collision[] {
  const priorities = [...new Set(planned.map(({ item }) => item.priority))];
  return priorities.flatMap((priority): readonly Collision[] => {
    const ours = planned.filter(({ item }) => item.priority === priority);
    const foreign = rules.filter(
      (rule) => rule.priority === priority && ours.some(({ item }) => item.family === rule.family),
    );
    if (foreign.length === 0) return [];
    return [
      { kind: "priority", tenant: undefined, priority, purpose: ours[0]?.why, rules: foreign },
    ];
  });
}

/**
 * Cilium moves the rule for the local table to 100; a rule of ours before it would take packets
 * that are for the node itself.
 */
function lateLocalRules(
  { rules: planned }: RoutesPlan,
  { families, rules }: NodeState,
): readonly Collision[] {
  return families.flatMap((family): readonly Collision[] => {
    const ours = planned
      .filter(({ item }) => item.family === family)
      .map(({ item }) => item.priority);
    if (ours.length === 0) return [];
    const first = Math.min(...ours);
    const [local] = rules
      .filter((rule) => rule.family === family && isLocalRule(rule))
      .map(({ priority }) => priority)
      .sort((a, b) => a - b);
    if (local !== undefined && local < first) return [];
    return [{ kind: "priority", tenant: undefined, family, first, local }];
  });
}

function isLocalRule({ table, from, to, fwmark, not, other }: IpRule): boolean {
  return (
    table === TABLE_LOCAL &&
    [from, to, fwmark, not, other].every((selector) => selector === undefined)
  );
}

function replacedRoutes(
  { routes: planned }: RoutesPlan,
  routes: readonly IpRoute[],
): readonly Collision[] {
  return planned
    .filter(({ item }) => item.table === TABLE_MAIN)
    .flatMap(({ item, why, tenant }): readonly Collision[] => {
      const present = routes.find((route) => routePlace(route) === routePlace(item));
      return present === undefined ? [] : [{ kind: "route", tenant, present, wanted: item, why }];
    });
}

function takenNames(
  { tenant, table }: TenantTable,
  { names }: RoutesPlan,
  { tableNames }: Surroundings,
): readonly Collision[] {
  if (names === undefined) return [];
  const name = tableName(tenant);
  const numbers = tableNames.filter((entry) => entry.number === table && entry.name !== name);
  const others = tableNames.filter((entry) => entry.name === name && entry.number !== table);
  return [...numbers, ...others]
    .slice(0, 1)
    .map((entry): Collision => ({ kind: "name", tenant, table, entry }));
}
