/**
 * Pure: the watcher's log: gateways that come and go, changes, repairs, and what is wrong at the
 * moment.
 */
import { hopText } from "../../net/hop";
import type { PluginConf } from "../../../conf/types";
import type { Family } from "../../net/family";
import { routedTenants } from "../plan/desired";
import { gatewaysOfWay, type WayName, waysOf, whoseText } from "../plan/ways";
import { type Action, NAT_TABLE, type ResolvedGateway } from "../model";
import { actionText, retiredMarkText } from "../text";
import type { RoutesView } from "../carry-out";

/** Commands on one line of the log, at most. */
const MOST_COMMANDS = 6;

/** One line of the watcher's log. */
export interface WatchLine {
  readonly event:
    "start" | "change" | "repair" | "gateway" | "trouble" | "reload" | "report" | "stop";
  readonly message: string;
  readonly tenant?: string;
  /** Of a gateway: whether it is in use from now on. */
  readonly state?: "lost" | "back";
  readonly commands?: readonly string[];
}

/** The first changes on one line, for people. The JSON form and the status have all of them. */
export function commandsText(actions: readonly Action[]): string {
  const shown = actions.slice(0, MOST_COMMANDS).map(shortText);
  const more = actions.length - shown.length;
  return [...shown, ...(more === 0 ? [] : [`and ${more} more`])].join("; ");
}

function shortText(action: Action): string {
  if (action.kind === "nat" && action.text !== undefined) return `nft -f - (table ${NAT_TABLE})`;
  if (action.kind === "file" && action.text !== undefined) return `write ${action.path}`;
  return actionText(action);
}

export interface GatewayChange {
  readonly gateway: ResolvedGateway;
  readonly line: WatchLine;
}

/**
 * The gateways that came into use or went out of it since `before`. undefined: the watcher has just
 * started, and every gateway that is not in use is reported. `why` says what is wrong with a
 * gateway that does not answer.
 */
export function gatewayChanges(
  conf: PluginConf,
  before: readonly ResolvedGateway[] | undefined,
  now: readonly ResolvedGateway[],
  why: (gateway: ResolvedGateway) => string,
): readonly GatewayChange[] {
  return now.flatMap((gateway): readonly GatewayChange[] => {
    const earlier = before === undefined ? undefined : sameGateway(before, gateway);
    const wasUsed = earlier === undefined || earlier.unusable === undefined;
    const isUsed = gateway.unusable === undefined;
    if (wasUsed === isUsed) return [];
    const what = isUsed
      ? "is back"
      : `${before === undefined ? "is not usable" : "lost"} (${problemText(gateway, why)})`;
    const message = `${whoseText(gateway)}: gateway ${hopText(gateway)} ${what}; ${wayText(conf, gateway, now)}`;
    const { tenant } = gateway;
    const state = isUsed ? "back" : "lost";
    return [{ gateway, line: { event: "gateway", tenant, state, message } }];
  });
}

// A gateway without `dev` in the configuration gains and loses its device.
function sameGateway(
  list: readonly ResolvedGateway[],
  gateway: ResolvedGateway,
): ResolvedGateway | undefined {
  const { family, via, dev } = gateway;
  const alike = gatewaysOfWay(list, gateway).filter(
    (other) => other.family === family && other.via === via,
  );
  return (
    alike.find((other) => other.dev === dev) ??
    alike.find((other) => other.dev === undefined || dev === undefined)
  );
}

/** Why a gateway is not in the routes. */
export function problemText(
  gateway: ResolvedGateway,
  why: (gateway: ResolvedGateway) => string,
): string {
  const { via, dev } = gateway;
  switch (gateway.unusable) {
    case "device-missing":
      return `there is no device ${dev ?? ""}`;
    case "device-down":
      return `device ${dev ?? ""} is down`;
    case "own-address":
      return `${via ?? "it"} is an address of this node`;
    case "off-link":
      return `${via ?? "it"} is on no network of ${dev ?? "this node"}`;
    default:
      return why(gateway);
  }
}

/** Where the packets of the gateway's way go now. */
function wayText(
  conf: PluginConf,
  { tenant, to, family }: ResolvedGateway,
  now: readonly ResolvedGateway[],
): string {
  const own = gatewaysOfWay(now, { tenant, to });
  const packets = own.some((gateway) => gateway.family !== family)
    ? `its IPv${family} packets`
    : "its packets";
  const there = to === undefined ? packets : `${packets} there`;
  const ways = usableHops(own, family);
  if (ways.length > 0) return `${there} go by ${ways.join(" and ")} now`;
  if (!fallsBack(conf, { tenant, to })) return `${there} stop now`;
  if (to === undefined) return `${there} go by the node's default route now`;
  const behind = usableHops(gatewaysOfWay(now, { tenant }), family);
  return behind.length > 0
    ? `${there} go by the tenant's ${behind.join(" and ")} now`
    : `${there} stop now`;
}

function usableHops(gateways: readonly ResolvedGateway[], family: Family): readonly string[] {
  return gateways
    .filter((gateway) => gateway.family === family && gateway.unusable === undefined)
    .map(hopText);
}

/** Whether the way goes on without its gateways. */
export function fallsBack(conf: PluginConf, { tenant, to }: WayName): boolean {
  const found = routedTenants(conf).find(({ name }) => name === tenant);
  return (
    found !== undefined &&
    waysOf(found).some((way) => way.to === to && way.onGatewayLoss === "fallback")
  );
}

/** A look at the node and what came of it. */
export interface Looked {
  readonly conf: PluginConf;
  /** The gateways at the previous look; undefined: this is the first one. */
  readonly before: readonly ResolvedGateway[] | undefined;
  readonly view: Pick<RoutesView, "plan">;
  /** The changes that were made. */
  readonly made: readonly Action[];
  /** What is wrong with a gateway that does not answer. */
  readonly why: (gateway: ResolvedGateway) => string;
  /** undefined: an ordinary look. */
  readonly cause: "start" | "reload" | undefined;
}

/**
 * Reports gateways that came or went, the changes that follow from them, and repairs of what
 * somebody else changed. Returns the commands of the repairs.
 */
export function reportChanges(
  { conf, before, view: { plan }, made, why, cause }: Looked,
  say: (line: WatchLine) => void,
): readonly string[] {
  const moved = gatewayChanges(conf, before, plan.gateways, why);
  for (const { line } of moved) say(line);
  if (cause !== undefined) {
    say({
      event: cause,
      message: beginning(cause, conf, plan.gateways, made),
      commands: made.map(actionText),
    });
    for (const retired of plan.retired)
      say({ event: "trouble", message: retiredMarkText(retired) });
    return [];
  }
  const tables = tablesOf(
    conf,
    moved.map(({ gateway }) => gateway.tenant),
  );
  const freed = made.filter((action) => isFormer(action, conf));
  if (freed.length > 0)
    say({
      event: "change",
      message: `no pod carries the mark of a former tenant any more: ${commandsText(freed)}`,
      commands: freed.map(actionText),
    });
  const repaired = made.filter((action) => !follows(action, tables) && !freed.includes(action));
  const followed = made.filter((action) => follows(action, tables));
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

/**
 * What is wrong at the moment, by topic. Each is reported once when it begins, and once when it is
 * over.
 */
export interface Conditions {
  /** Reports that something is wrong, unless this topic has this text already. */
  report(topic: string, text: string): void;
  /** Reports that nothing is wrong with the topic any more. */
  clear(topic: string): void;
  /** Reports `text`, or clears the topic when the text is empty. */
  set(topic: string, text: string): void;
  /** What is wrong; undefined: nothing. */
  textOf(topic: string): string | undefined;
}

/** No conditions at first; each is reported through `say` when it begins and when it is over. */
export function createConditions(say: (line: WatchLine) => void): Conditions {
  const current = new Map<string, string>();
  const report = (topic: string, text: string): void => {
    if (current.get(topic) === text) return;
    current.set(topic, text);
    say({ event: "trouble", message: text });
  };
  const clear = (topic: string): void => {
    const text = current.get(topic);
    if (current.delete(topic)) say({ event: "trouble", message: `over: ${text ?? ""}` });
  };
  return {
    report,
    clear,
    set: (topic, text) => (text === "" ? clear(topic) : report(topic, text)),
    textOf: (topic) => current.get(topic),
  };
}
