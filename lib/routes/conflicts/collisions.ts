/** Pure: what others on the node have that the plan would disturb, or that would disturb it. */
import type { Mark } from "../../net/mark";
import { markCollisions } from "./mark-collisions";
import { listText, quotedRoute, quotedRule } from "../text";
import { routePlace } from "../changes/identity";
import { tableName } from "../plan/table-names";
import {
  type Collision,
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
  /** Tells what the plan asks for, or an earlier one did. */
  readonly isOurs: {
    readonly rule: (rule: IpRule) => boolean;
    readonly route: (route: IpRoute) => boolean;
  };
}

/** A table and the tenant whose it is. */
interface TenantTable {
  readonly tenant: string;
  readonly table: number;
}

/** Every collision, at most one for each tenant, kind and place. Empty when the plan can be carried out. */
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
    ...input.surroundings.unseen.map(unseenCollision),
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
  const others = rules.filter((rule) => rule.table === table);
  if (others.length === 0) return [];
  const text = `table ${table} of tenant ${tenant} is looked up by ${listText(others.map(quotedRule), 3)}, so packets that are not the tenant's take its gateways: delete ${them(others)}, or give the tenant another table`;
  return [{ kind: "table", tenant, text }];
}

function strangers(
  { tenant, table }: TenantTable,
  routes: readonly IpRoute[],
): readonly Collision[] {
  const others = routes.filter((route) => route.table === table);
  if (others.length === 0) return [];
  const text = `table ${table} of tenant ${tenant} has routes of others, which the tenant's packets would take: ${listText(others.map(quotedRoute), 3)}; delete ${them(others)}, or give the tenant another table`;
  return [{ kind: "table", tenant, text }];
}

function samePriorities(
  { rules: planned }: RoutesPlan,
  rules: readonly IpRule[],
): readonly Collision[] {
  const priorities = [...new Set(planned.map(({ item }) => item.priority))];
  return priorities.flatMap((priority): readonly Collision[] => {
    const mine = planned.filter(({ item }) => item.priority === priority);
    const others = rules.filter(
      (rule) => rule.priority === priority && mine.some(({ item }) => item.family === rule.family),
    );
    if (others.length === 0) return [];
    const text = `priority ${priority}, which is for ${mine[0]?.why ?? "our rules"}, is used by ${listText(others.map(quotedRule), 3)}, and which of them is first is chance: move ${them(others)}, or set another priority in "routes" of the conflist`;
    return [{ kind: "priority", tenant: undefined, text }];
  });
}

/** Cilium has the rule for the local table at 100; a rule of ours before it would take packets from the node itself. */
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
    const local = rules
      .filter((rule) => rule.family === family && isLocalRule(rule))
      .map(({ priority }) => priority);
    if (local.some((priority) => priority < first)) return [];
    const found = local.length === 0 ? "is missing" : `is at ${Math.min(...local)}`;
    const remedy =
      local.length === 0
        ? `put it back with "ip -${family} rule add pref 0 lookup local"`
        : `set priorities above ${Math.min(...local)} in "routes" of the conflist`;
    const text = `the IPv${family} rule for the local table ${found} and our first rule is at ${first}, so packets to the node itself would leave by a gateway: ${remedy}`;
    return [{ kind: "priority", tenant: undefined, text }];
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
      const other = routes.find((route) => routePlace(route) === routePlace(item));
      if (other === undefined) return [];
      const text = `the main table has ${quotedRoute(other)}, which ${quotedRoute(item)} (${why}) would replace: delete it if it is not needed, or take ${item.dst} out of "nodeRoutes"`;
      return [{ kind: "route", tenant, text }];
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
  return [...numbers, ...others].slice(0, 1).map((entry) => {
    const remedy =
      'remove that line, give the tenant another table, or set "routes": {"namesDir": ""} for no names';
    const text = `${entry.file} calls table ${entry.number} ${entry.name}, but tenant ${tenant} has table ${table} under the name ${name}: ${remedy}`;
    return { kind: "name", tenant, text } as const;
  });
}

function unseenCollision(problem: string): Collision {
  const text = `${problem}, so it is not known who else uses marks there: mend that, or go ahead with --force once you know that nobody uses the tenants' bits`;
  return { kind: "unseen", tenant: undefined, text };
}

function them(others: readonly unknown[]): string {
  return others.length === 1 ? "it" : "them";
}
