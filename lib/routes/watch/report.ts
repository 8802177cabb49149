/** Pure: what the watcher says about gateways and changes. */
import type { PluginConf } from "../../../conf/types";
import { routedTenants } from "../plan/desired";
import { NAT_TABLE } from "../plan/nat";
import type { Action, ResolvedGateway } from "../model";
import { actionText } from "../text";

/** Commands on one line of the log. */
const MOST_COMMANDS = 6;

/** One line of the watcher's log. */
export interface WatchLine {
  readonly event:
    "start" | "change" | "repair" | "gateway" | "trouble" | "reload" | "report" | "stop";
  readonly message: string;
  readonly tenant?: string;
  readonly commands?: readonly string[];
}

/** A gateway as a person names it: `10.0.0.1 dev eth1`. */
export function hopText({ via, dev }: ResolvedGateway): string {
  return [via, dev === undefined ? undefined : `dev ${dev}`]
    .filter((word) => word !== undefined)
    .join(" ");
}

/** The first changes on one line, which a person reads in a log; all of them are in the JSON form and in the status. */
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
 * The gateways that came into use or went out of it. `before` undefined: the watcher has just
 * started, and tells those that are not in use. `why` says what is wrong with a gateway that does not answer.
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
    const message = `${gateway.tenant}: gateway ${hopText(gateway)} ${what}; ${wayText(conf, gateway, now)}`;
    return [{ gateway, line: { event: "gateway", tenant: gateway.tenant, message } }];
  });
}

// Of a gateway whose device is looked up, the device may come and go.
function sameGateway(
  list: readonly ResolvedGateway[],
  { tenant, family, via, dev }: ResolvedGateway,
): ResolvedGateway | undefined {
  const alike = list.filter(
    (other) => other.tenant === tenant && other.family === family && other.via === via,
  );
  return (
    alike.find((other) => other.dev === dev) ??
    alike.find((other) => other.dev === undefined || dev === undefined)
  );
}

/** What keeps a gateway out of the routes. */
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

function wayText(
  conf: PluginConf,
  { tenant, family }: ResolvedGateway,
  now: readonly ResolvedGateway[],
): string {
  const own = now.filter((gateway) => gateway.tenant === tenant);
  const packets = own.some((gateway) => gateway.family !== family)
    ? `its IPv${family} packets`
    : "its packets";
  const ways = own
    .filter((gateway) => gateway.family === family && gateway.unusable === undefined)
    .map(hopText);
  if (ways.length > 0) return `${packets} go by ${ways.join(" and ")} now`;
  const fallback =
    routedTenants(conf).find(({ name }) => name === tenant)?.onGatewayLoss === "fallback";
  return fallback ? `${packets} go by the node's default route now` : `${packets} stop now`;
}
