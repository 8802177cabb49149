/** Pure: rules, routes and changes as arguments of `ip`, as commands, and inside sentences. */
import type { CniError } from "../cni/error";
import { formatMark } from "../net/mark";
import {
  type Action,
  type ForwardRule,
  type IpRoute,
  type IpRule,
  NAT_TABLE,
  type Nexthop,
  PROTOCOL_KERNEL,
  type RetiredMark,
  TABLE_LOCAL,
  TABLE_DEFAULT,
  TABLE_MAIN,
} from "./model";
import { linkCommand } from "./link-text";

/** Arguments of `ip -4|-6 rule add|del` after the verb. */
export function ruleArguments(rule: IpRule): readonly string[] {
  const { priority, not, from, to, fwmark, table, unreachable, suppressPrefixLength } = rule;
  return [
    ...["pref", String(priority)],
    ...(not === undefined ? [] : ["not"]),
    ...(from === undefined ? [] : ["from", from]),
    ...(to === undefined ? [] : ["to", to]),
    ...(fwmark === undefined ? [] : ["fwmark", formatMark(fwmark)]),
    ...(table === undefined ? [] : ["lookup", tableArgument(table)]),
    ...(unreachable === undefined ? [] : ["unreachable"]),
    ...(suppressPrefixLength === undefined
      ? []
      : ["suppress_prefixlength", String(suppressPrefixLength)]),
    ...protocolArguments(rule.protocol),
  ];
}

/** Arguments of `ip -4|-6 route replace|del` after the verb. */
export function routeArguments(route: IpRoute): readonly string[] {
  const { dst, type, metric, table, protocol, mtu, nexthops, family, other } = route;
  const silent = metric === (family === 4 ? 0 : 1024);
  return [
    ...(type === "unicast" ? [] : [type]),
    dst,
    ...(nexthops.length === 1 ? hopArguments(nexthops[0], false) : []),
    ...["table", tableArgument(table)],
    ...(silent ? [] : ["metric", String(metric)]),
    ...protocolArguments(protocol),
    ...(mtu === undefined ? [] : ["mtu", String(mtu)]),
    ...(other === undefined ? [] : other.split(" ")),
    ...(nexthops.length > 1
      ? nexthops.flatMap((hop) => ["nexthop", ...hopArguments(hop, true)])
      : []),
  ];
}

function hopArguments(hop: Nexthop | undefined, weighted: boolean): readonly string[] {
  if (hop === undefined) return [];
  const { via, dev, weight } = hop;
  return [
    ...(via === undefined ? [] : ["via", via]),
    ...(dev === undefined ? [] : ["dev", dev]),
    ...(weighted ? ["weight", String(weight)] : []),
  ];
}

/** One change as a command that a person could type. */
export function actionText(action: Action): string {
  switch (action.kind) {
    case "link":
      return linkCommand(action.change).join(" ");
    case "rule":
      return `ip -${action.rule.family} rule ${action.op} ${ruleArguments(action.rule).join(" ")}`;
    case "route":
      return `ip -${action.route.family} route ${action.op} ${routeArguments(action.route).join(" ")}`;
    case "sysctl":
      return `sysctl -w ${sysctlName(action.path)}=${action.value}`;
    case "forward":
      return forwardText(action.op, action.rule);
    case "nat":
      return natText(action.text);
    case "file":
      return fileText(action.path, action.text);
    case "directory":
      return `rmdir --ignore-fail-on-non-empty ${action.path}`;
  }
}

/** The name as sysctl(8) takes it: with dots, or with slashes when a device's name has a dot. */
export function sysctlName(path: string): string {
  return path.includes(".") ? path : path.replaceAll("/", ".");
}

function forwardText(op: "insert" | "del", { family, backend, spec }: ForwardRule): string {
  const program = [
    family === 6 ? "ip6tables" : "iptables",
    ...(backend === undefined ? [] : [backend]),
  ].join("-");
  return `${program} -w ${op === "insert" ? "-I" : "-D"} FORWARD ${spec}`;
}

function natText(text: string | undefined): string {
  return text === undefined ? `nft delete table ${NAT_TABLE}` : `nft -f - <<'EOF'\n${text}EOF`;
}

function fileText(path: string, text: string | undefined): string {
  return text === undefined ? `rm -f ${path}` : `cat >${path} <<'EOF'\n${text}EOF`;
}

// The kernel's own tables by name, because those names are the same everywhere (ip-route(8)).
function tableArgument(table: number): string {
  return (
    { [TABLE_DEFAULT]: "default", [TABLE_MAIN]: "main", [TABLE_LOCAL]: "local" }[table] ??
    String(table)
  );
}

// By name where there is one, as in the documentation.
function protocolArguments(protocol: number): readonly string[] {
  return ["protocol", protocol === PROTOCOL_KERNEL ? "kernel" : String(protocol)];
}

/** The last arguments of a rule: `protocol` and its name. */
const PROTOCOL_ARGUMENTS = 2;

/** The rule in words, as `ip rule add` and `ip rule del` take it, without its protocol. */
export function ruleText(rule: IpRule): string {
  const words = ruleArguments(rule).slice(0, -PROTOCOL_ARGUMENTS);
  return [...words, ...(rule.other === undefined ? [] : [rule.other])].join(" ");
}

/** The rule in quotes. */
export function quotedRule(rule: IpRule): string {
  return `"ip -${rule.family} rule ${ruleText(rule)}"`;
}

/** The command that removes a rule. */
export function ruleRemoval({ other, ...rule }: IpRule): string {
  const text = actionText({ kind: "rule", op: "del", rule });
  return other === undefined ? text : `${text} ${other}`;
}

/** The command that removes a route. */
export function routeRemoval(route: IpRoute): string {
  return actionText({ kind: "route", op: "del", route });
}

/** The route in quotes, as `ip route del` takes it. */
export function quotedRoute(route: IpRoute): string {
  return `"ip -${route.family} route ${routeArguments(route).join(" ")}"`;
}

/** The first `most` items, with commas, and how many more there are. */
export function listText(items: readonly string[], most: number): string {
  const rest = items.length - most;
  return rest > 0 ? `${items.slice(0, most).join(", ")} and ${rest} more` : items.join(", ");
}

/** An error with its details in parentheses. */
export function errorText({ message, details }: CniError): string {
  return details === "" ? message : `${message} (${details})`;
}

/** A sentence in its parts: what is so, what follows, what to do. None ends with a full stop. */
export interface Parts {
  readonly fault: string;
  readonly consequence: string;
  readonly remedy: string;
  /** The remedy is one command, and this is another way out, in words. */
  readonly instead?: string;
  /** How the sentence joins fault and consequence: `, so` by default; `because` puts the consequence first. */
  readonly joint?: "; " | "because";
}

/** The parts as one sentence. */
export function sentenceOf({ fault, consequence, remedy, instead, joint }: Parts): string {
  const todo = instead === undefined ? remedy : `${remedy}; or ${instead}`;
  if (joint === "because") return `${consequence} because ${fault}: ${todo}`;
  return `${fault}${joint ?? ", so "}${consequence}: ${todo}`;
}

/** A sentence about a retired mark: who carries it, what follows, and what to do. */
export function retiredMarkText(retired: RetiredMark): string {
  return sentenceOf(retiredMarkParts(retired));
}

/** The same in its parts. */
export function retiredMarkParts({ mark, pods }: RetiredMark): Parts {
  const [carry, their, them] =
    pods.length === 1 ? ["carries", "its", "the pod"] : ["carry", "their", "the pods"];
  return {
    fault: `${listText(pods, 3)} still ${carry} mark ${formatMark(mark)}, which no tenant of this configuration has any more`,
    consequence: `${their} packets beyond the cluster are stopped`,
    remedy: `delete ${them}, to have ${pods.length === 1 ? "it" : "them"} made anew with a mark of today, or give a tenant this mark again`,
  };
}

/** Why the file with the tables' names must not be written: somebody else made it. */
export function foreignNamesText(path: string): string {
  return sentenceOf(foreignNamesParts(path));
}

/** The same in its parts. */
export function foreignNamesParts(path: string): Parts {
  return {
    fault: `${path} was not made by wrapper routes apply`,
    consequence: "it is not written",
    remedy: 'move it away, or set "routes": {"namesDir": ""} for no names',
  };
}
