/** Pure: what a look at the node led to, told as what it was: a gateway's coming or going, or a repair. */
import type { PluginConf } from "../../conf/types";
import type { CniError } from "../cni/error";
import type { RoutesView } from "./apply";
import { routedTenants } from "./desired";
import type { Action, ResolvedGateway } from "./types";
import { commandsText, gatewayChanges, type WatchLine } from "./watch-words";
import { actionText } from "./words";

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
export function tellChanges({ conf, before, view, refused, why, cause }: Looked, say: (line: WatchLine) => void): readonly string[] {
  const { actions, plan } = view;
  const done = actions.filter((action) => !refused.some(({ details }) => details.includes(actionText(action))));
  const moved = gatewayChanges(conf, before, plan.gateways, why);
  for (const { line } of moved) say(line);
  if (cause !== undefined) {
    say({ event: cause, message: beginning(cause, conf, plan.gateways, done), commands: done.map(actionText) });
    return [];
  }
  const tables = tablesOf(conf, moved.map(({ gateway }) => gateway.tenant));
  const repaired = done.filter((action) => !follows(action, tables));
  const followed = done.filter((action) => follows(action, tables));
  if (followed.length > 0) say({ event: "change", message: `changed for it: ${commandsText(followed)}`, commands: followed.map(actionText) });
  if (repaired.length > 0) say({ event: "repair", message: `repaired: ${commandsText(repaired)}`, commands: repaired.map(actionText) });
  return repaired.map(actionText);
}

function beginning(cause: "start" | "reload", conf: PluginConf, gateways: readonly ResolvedGateway[], done: readonly Action[]): string {
  const watched = `watching ${count(routedTenants(conf).length, "tenant")} with ${count(gateways.length, "gateway")}`;
  const changes = done.length === 0 ? "nothing had to be changed" : `changed: ${commandsText(done)}`;
  return `${cause === "reload" ? "configuration read again, " : ""}${watched}; ${changes}`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

function tablesOf(conf: PluginConf, tenants: readonly string[]): readonly number[] {
  return routedTenants(conf).filter(({ name }) => tenants.includes(name)).map(({ table }) => table);
}

// The translation names the gateways' devices.
function follows(action: Action, tables: readonly number[]): boolean {
  if (action.kind === "route") return tables.includes(action.route.table);
  return action.kind === "nat" && tables.length > 0;
}
