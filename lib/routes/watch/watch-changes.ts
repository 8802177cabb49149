/** Pure: what a look at the node led to, told as what it was: a gateway's coming or going, or a repair. */
import type { PluginConf } from "../../../conf/types";
import type { CniError } from "../../cni/error";
import { madeOf, type RoutesView } from "../apply";
import { routedTenants } from "../plan/desired";
import { orphanText } from "../plan/retired-marks";
import type { Action, ResolvedGateway } from "../model";
import { commandsText, gatewayChanges, type WatchLine } from "./report";
import { actionText } from "../text";

export interface Looked {
  readonly conf: PluginConf;
  /** The gateways of the look before; undefined: there was none. */
  readonly before: readonly ResolvedGateway[] | undefined;
  readonly view: RoutesView;
  /** Changes that the kernel refused. */
  readonly refused: readonly CniError[];
  /** What is wrong with a gateway that does not answer. */
  readonly why: (gateway: ResolvedGateway) => string;
  /** undefined: an ordinary look. */
  readonly cause: "start" | "reload" | undefined;
}

/** Says it, and returns the commands of the repairs. */
export function tellChanges(
  { conf, before, view, refused, why, cause }: Looked,
  say: (line: WatchLine) => void,
): readonly string[] {
  const { actions, plan } = view;
  const done = madeOf(actions, refused);
  const moved = gatewayChanges(conf, before, plan.gateways, why);
  for (const { line } of moved) say(line);
  if (cause !== undefined) {
    say({
      event: cause,
      message: beginning(cause, conf, plan.gateways, done),
      commands: done.map(actionText),
    });
    for (const orphan of plan.orphans) say({ event: "trouble", message: orphanText(orphan) });
    return [];
  }
  const tables = tablesOf(
    conf,
    moved.map(({ gateway }) => gateway.tenant),
  );
  const freed = done.filter((action) => isFormer(action, conf));
  if (freed.length > 0)
    say({
      event: "change",
      message: `no pod carries the mark of a former tenant any more: ${commandsText(freed)}`,
      commands: freed.map(actionText),
    });
  const repaired = done.filter((action) => !follows(action, tables) && !freed.includes(action));
  const followed = done.filter((action) => follows(action, tables));
  if (followed.length > 0)
    say({
      event: "change",
      message: `changed for it: ${commandsText(followed)}`,
      commands: followed.map(actionText),
    });
  if (repaired.length > 0)
    say({
      event: "repair",
      message: `repaired: ${commandsText(repaired)}`,
      commands: repaired.map(actionText),
    });
  return repaired.map(actionText);
}

function beginning(
  cause: "start" | "reload",
  conf: PluginConf,
  gateways: readonly ResolvedGateway[],
  done: readonly Action[],
): string {
  const watched = `watching ${count(routedTenants(conf).length, "tenant")} with ${count(gateways.length, "gateway")}`;
  const changes =
    done.length === 0 ? "nothing had to be changed" : `changed: ${commandsText(done)}`;
  return `${cause === "reload" ? "configuration read again, " : ""}${watched}; ${changes}`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

function tablesOf(conf: PluginConf, tenants: readonly string[]): readonly number[] {
  return routedTenants(conf)
    .filter(({ name }) => tenants.includes(name))
    .map(({ table }) => table);
}

// The stop for a mark that no tenant has: it goes with the last pod that carried the mark.
function isFormer(action: Action, { tenants = [] }: PluginConf): boolean {
  if (action.kind !== "rule" || action.op !== "del" || action.rule.unreachable !== true)
    return false;
  const { fwmark } = action.rule;
  return !tenants.some(({ mark }) => mark.value === fwmark?.value && mark.mask === fwmark.mask);
}

// The translation names the gateways' devices.
function follows(action: Action, tables: readonly number[]): boolean {
  if (action.kind === "route") return tables.includes(action.route.table);
  return action.kind === "nat" && tables.length > 0;
}
