/** Pure: rules, routes and changes as the words of `ip`, and as a person reads them. */
import { formatMark } from "../mark";
import type { Action, IpRoute, IpRule, Nexthop } from "./types";

/** Arguments of `ip -4|-6 rule add|del` after the verb. */
export function ruleWords(rule: IpRule): readonly string[] {
  const { priority, not, from, to, fwmark, table, suppressPrefixLength } = rule;
  return [
    ...["pref", String(priority)],
    ...(not === undefined ? [] : ["not"]),
    ...(from === undefined ? [] : ["from", from]),
    ...(to === undefined ? [] : ["to", to]),
    ...(fwmark === undefined ? [] : ["fwmark", formatMark(fwmark)]),
    ...(table === undefined ? [] : ["lookup", String(table)]),
    ...(suppressPrefixLength === undefined ? [] : ["suppress_prefixlength", String(suppressPrefixLength)]),
    ...["protocol", String(rule.protocol)],
  ];
}

/** Arguments of `ip -4|-6 route replace|del` after the verb. */
export function routeWords(route: IpRoute): readonly string[] {
  const { dst, type, metric, table, protocol, mtu, nexthops, family } = route;
  const silent = metric === (family === 4 ? 0 : 1024);
  return [
    ...(type === "unicast" ? [] : [type]),
    dst,
    ...(nexthops.length === 1 ? hopWords(nexthops[0], false) : []),
    ...["table", String(table)],
    ...(silent ? [] : ["metric", String(metric)]),
    ...["protocol", String(protocol)],
    ...(mtu === undefined ? [] : ["mtu", String(mtu)]),
    ...(nexthops.length > 1 ? nexthops.flatMap((hop) => ["nexthop", ...hopWords(hop, true)]) : []),
  ];
}

function hopWords(hop: Nexthop | undefined, weighted: boolean): readonly string[] {
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
    case "rule":
      return `ip -${action.rule.family} rule ${action.op} ${ruleWords(action.rule).join(" ")}`;
    case "route":
      return `ip -${action.route.family} route ${action.op} ${routeWords(action.route).join(" ")}`;
    case "sysctl":
      return `sysctl -w ${action.path.replaceAll("/", ".")}=${action.value}`;
    case "forward":
      return `ip${action.rule.family === 6 ? "6" : ""}tables -w ${action.op === "insert" ? "-I" : "-D"} FORWARD ${action.rule.spec}`;
    case "nat":
      return action.text === undefined ? "nft delete table inet tenant-routing" : `nft -f - <<'EOF'\n${action.text}EOF`;
    case "file":
      return action.text === undefined ? `rm -f ${action.path}` : `write ${action.path}: ${action.text.trim().split("\n").slice(1).join(", ")}`;
  }
}
