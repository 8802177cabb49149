/** Pure: what the kernel lacks of the node routes. */
import type { RoutesView } from "../../routes/carry-out";
import { type Action, TABLE_LOCAL, TABLE_MAIN } from "../../routes/model";
import { actionText } from "../../routes/text";
import { findingOf, type Finding } from "../finding";
import { ROUTES } from "../kinds/routes";

/** Changes that `apply` would make, by what they are about, and a local rule that is not at its place. */
export function differences(
  view: Pick<RoutesView, "actions" | "plan" | "state">,
): readonly Finding[] {
  const { actions } = view;
  const rules = actions.filter(({ kind }) => kind === "rule").map(actionText);
  const others = actions.filter(isOther).map(actionText);
  return [
    ...(rules.length === 0 ? [] : [findingOf(ROUTES, "rule-differs", { commands: rules })]),
    ...tableFindings(view),
    ...(others.length === 0 ? [] : [findingOf(ROUTES, "routes-differ", { commands: others })]),
    ...movedLocalRules(view),
  ];
}

type RouteAction = Extract<Action, { readonly kind: "route" }>;

function isTenants(action: Action): action is RouteAction {
  return action.kind === "route" && action.route.table !== TABLE_MAIN;
}

function isOther(action: Action): boolean {
  return action.kind !== "rule" && action.kind !== "sysctl" && !isTenants(action);
}

function tableFindings({
  actions,
  plan,
  state,
}: Pick<RoutesView, "actions" | "plan" | "state">): readonly Finding[] {
  const changed = actions.filter(isTenants);
  const tables = [...new Set(changed.map(({ route }) => route.table))];
  return tables.map((table) => {
    const tenant = plan.routes.find(({ item }) => item.table === table)?.tenant ?? "?";
    const commands = changed.filter(({ route }) => route.table === table).map(actionText);
    const empty = !state.routes.some((route) => route.table === table);
    return findingOf(ROUTES, "table-differs", { tenant, table, empty, commands }, tenant);
  });
}

function movedLocalRules({ state }: Pick<RoutesView, "state">): readonly Finding[] {
  return state.families.flatMap((family) => {
    const rules = state.rules.filter(
      (rule) => rule.family === family && rule.table === TABLE_LOCAL && rule.from === undefined,
    );
    const priority = Math.min(...rules.map((rule) => rule.priority));
    return rules.length === 0 || priority === 0
      ? []
      : [findingOf(ROUTES, "local-rule-moved", { family, priority }, `IPv${family}`)];
  });
}
