/** A node before and after a plan, as changesFor() is asked with it. */
import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import type { DiffInput, OwnThings } from "../../../../../lib/routes/changes/changes";
import { recordAfter } from "../../../../../lib/routes/changes/record";
import { type Action, EMPTY_RECORD, type NodeState } from "../../../../../lib/routes/model";
import { routePlace } from "../../../../../lib/routes/changes/identity";
import { actionText } from "../../../../../lib/routes/text";
import { confOf, KERNEL_RULES, NO_LINKS, stateOf, TENANTS } from "../node-rig";

export const NAMES = "/names/tenant-routing.conf";
const FIRST = (text: string): string => text.split("\n")[0] ?? "";
/** The changes as commands, each by its first line. */
export const texts = (actions: readonly Action[]): string[] =>
  actions.map((action) => FIRST(actionText(action)));
/** What is ours of the firewall and the files: nothing but these files and `part`. */
export function ownThings(
  texts: Readonly<Record<string, string>> = {},
  part: Partial<OwnThings> = {},
): OwnThings {
  return {
    forward: [],
    natListing: undefined,
    file: (path) => texts[path],
    leftover: (path) => (texts[`${path}.tmp`] === undefined ? undefined : `${path}.tmp`),
    absent: () => [],
    ...part,
  };
}

/** IPv4 only, names in /names. */
export function inputOf(
  part: Partial<DiffInput> & { tenants?: object; routes?: object } = {},
): DiffInput {
  const { tenants = TENANTS, routes = {}, state = stateOf({ families: [4] }), ...rest } = part;
  const plan = desiredRoutes(
    confOf({
      tenants: tenants as never,
      routes: { excludeDestinations: [], namesDir: "/names", ...routes },
    }),
    state,
  );
  return {
    plan,
    links: NO_LINKS,
    state,
    now: state,
    own: ownThings(),
    record: EMPTY_RECORD,
    translationBetween: plan.translation,
    sysctl: true,
    ...rest,
  };
}

/** The node after everything of the plan was done, and what is recorded then. */
export function done(input: DiffInput, others: Partial<NodeState> = {}): DiffInput {
  const { plan, state } = input;
  const kept = state.routes.filter(
    (each) => !plan.routes.some(({ item }) => routePlace(item) === routePlace(each)),
  );
  const after: NodeState = {
    ...state,
    rules: [...KERNEL_RULES, ...plan.rules.map(({ item }) => item)],
    routes: [...kept, ...plan.routes.map(({ item }) => item)],
    ...others,
  };
  const own = ownThings(
    { [NAMES]: plan.names?.text ?? "" },
    {
      forward: plan.forward.map(({ item }) => item),
      natListing: plan.translation.length === 0 ? undefined : "listed",
    },
  );
  const record = recordAfter(input);
  return {
    ...input,
    state: after,
    own,
    record: {
      ...record,
      nat: record.nat === undefined ? undefined : { ...record.nat, listing: "listed" },
    },
  };
}
