/**
 * Pure: rules, routes and links from what `ip -j -N -d` prints. Properties that we do not know are
 * kept as text.
 */
import { canonicalAddress, formatPrefix, parsePrefix } from "../../net/address";
import { FULL_MASK, parseUint32, type Mark } from "../../net/mark";
import type { Family } from "../../net/family";
import { present } from "../../net/present";
import { linkFacts } from "./link-facts";
import {
  TABLE_MAIN,
  UNKNOWN_DESTINATION,
  type IpRoute,
  type IpRule,
  type Link,
  type Nexthop,
} from "../model";

type Fields = Readonly<Record<string, unknown>>;

/** Fields of a rule that we may write ourselves. A rule with any other is foreign. */
const RULE_FIELDS = [
  "priority",
  "not",
  "src",
  "srclen",
  "dst",
  "dstlen",
  "fwmark",
  "fwmask",
  "table",
  "suppress_prefixlen",
  "protocol",
];
/** Fields of a route, and of each next hop, from which the route can be written again. */
const ROUTE_FIELDS = [
  "type",
  "dst",
  "gateway",
  "via",
  "dev",
  "table",
  "protocol",
  "scope",
  "metric",
  "flags",
  "nexthops",
  "prefsrc",
  "tos",
  "pref",
];
const HOP_FIELDS = ["gateway", "via", "dev", "weight", "flags"];
/** rtnetlink's RTN_UNICAST (1) to RTN_THROW (9). */
const TYPE_NAMES = [
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
] as const;
/** By number and by name, because not every iproute2 prints numbers with -N. */
const TYPES: Readonly<Record<string, IpRoute["type"]>> = {
  ...Object.fromEntries(TYPE_NAMES.map((name, i) => [String(i + 1), name])),
  ...Object.fromEntries(TYPE_NAMES.map((name) => [name, name])),
};
/** Routes of other types have no next hop, though IPv6 shows the loopback as their device. */
const LED: readonly IpRoute["type"][] = ["unicast", "local", "broadcast", "anycast", "multicast"];
/**
 * rtnetlink's RT_SCOPE_UNIVERSE and RT_SCOPE_LINK: what `ip` sets by itself with and without a
 * gateway.
 */
const SCOPES = ["0", "253"];

/** The rules of one family, in the order in which the kernel tries them. */
export function parseRules(entries: readonly unknown[], family: Family): readonly IpRule[] {
  return entries.map((entry) => {
    const rule = entry as Fields;
    const unreachable = TYPES[String(rule["action"])] === "unreachable";
    const known = unreachable ? [...RULE_FIELDS, "action"] : RULE_FIELDS;
    const other = Object.keys(rule)
      .filter((key) => !known.includes(key))
      .map((key) => `${key} ${String(rule[key])}`)
      .join(" ");
    const optional = {
      not: "not" in rule ? (true as const) : undefined,
      from: network(rule["src"], rule["srclen"]),
      to: network(rule["dst"], rule["dstlen"]),
      fwmark: markOf(rule),
      table: numberOf(rule["table"]),
      unreachable: unreachable ? (true as const) : undefined,
      suppressPrefixLength: numberOf(rule["suppress_prefixlen"]),
      other: other === "" ? undefined : other,
    };
    return {
      family,
      priority: numberOf(rule["priority"]) ?? 0,
      protocol: numberOf(rule["protocol"]) ?? 0,
      ...present(optional),
    };
  });
}

/** The routes of one family, of all tables. */
export function parseRoutes(entries: readonly unknown[], family: Family): readonly IpRoute[] {
  return entries.map((entry) => {
    const route = entry as Fields;
    const type = TYPES[String(route["type"] ?? "1")] ?? "other";
    const optional = {
      mtu: mtuOf(route["metrics"]),
      other: otherArguments(route),
      lossy: isLossy(route, type),
    };
    return {
      family,
      table: numberOf(route["table"]) ?? TABLE_MAIN,
      dst: destinationOf(route),
      type,
      metric: numberOf(route["metric"]) ?? 0,
      protocol: numberOf(route["protocol"]) ?? 0,
      nexthops: LED.includes(type) ? nexthopsOf(route) : [],
      ...present(optional),
    };
  });
}

/** The links with their addresses, from `ip -j addr`. */
export function parseLinks(entries: readonly unknown[]): readonly Link[] {
  return entries.map((entry) => {
    const link = entry as Fields;
    const flags = Array.isArray(link["flags"]) ? (link["flags"] as unknown[]) : [];
    const infos = Array.isArray(link["addr_info"]) ? (link["addr_info"] as Fields[]) : [];
    return {
      name: String(link["ifname"] ?? ""),
      altNames: Array.isArray(link["altnames"]) ? (link["altnames"] as unknown[]).map(String) : [],
      mtu: numberOf(link["mtu"]) ?? 0,
      up: flags.includes("UP"),
      addresses: infos
        .filter((info) => info["scope"] !== "link" && typeof info["local"] === "string")
        .map(
          (info) =>
            ({
              family: info["family"] === "inet6" ? 6 : 4,
              address: canonicalAddress(String(info["local"])),
            }) as const,
        ),
      facts: linkFacts(link),
    };
  });
}

function nexthopsOf(route: Fields): readonly Nexthop[] {
  const hops = Array.isArray(route["nexthops"]) ? (route["nexthops"] as Fields[]) : [route];
  return hops.map((hop) => {
    const via = viaOf(hop);
    return {
      ...(via === undefined ? {} : { via: canonicalAddress(via) }),
      ...(typeof hop["dev"] === "string" ? { dev: hop["dev"] } : {}),
      weight: numberOf(hop["weight"]) ?? 1,
    };
  });
}

// What a foreign route may have and ours never have, as `ip` takes it.
function otherArguments(route: Fields): string | undefined {
  const { prefsrc, scope, flags, tos, pref, metrics } = route;
  const words = {
    src: prefsrc,
    tos,
    scope: SCOPES.includes(String(scope ?? "0")) ? undefined : scope,
    pref: pref === "medium" ? undefined : pref,
  };
  const more = Object.assign({}, words, ...(Array.isArray(metrics) ? (metrics as Fields[]) : []), {
    mtu: undefined,
  }) as Fields;
  const onlink = Array.isArray(flags) && (flags as unknown[]).includes("onlink") ? ["onlink"] : [];
  const all = [
    ...Object.entries(more)
      .filter(([, value]) => value !== undefined)
      .map(([word, value]) => `${word} ${String(value)}`),
    ...onlink,
  ];
  return all.length === 0 ? undefined : all.join(" ");
}

function destinationOf(route: Fields): string {
  return "encap" in route ? UNKNOWN_DESTINATION : destination(String(route["dst"] ?? "default"));
}

// `ip -j` does not print whether a metric is locked, so every metric counts as one that may be.
function isLossy(route: Fields, type: IpRoute["type"]): true | undefined {
  const hops = Array.isArray(route["nexthops"]) ? (route["nexthops"] as Fields[]) : [];
  const strange = (fields: Fields, known: readonly string[]): boolean =>
    Object.keys(fields).some((key) => !known.includes(key));
  const onlink = hops.some(
    ({ flags }) => Array.isArray(flags) && (flags as unknown[]).includes("onlink"),
  );
  const lossy =
    type === "other" ||
    onlink ||
    strange(route, ROUTE_FIELDS) ||
    hops.some((hop) => strange(hop, HOP_FIELDS));
  return lossy ? true : undefined;
}

// A gateway of the other family is printed as an object.
function viaOf(hop: Fields): string | undefined {
  if (typeof hop["gateway"] === "string") return hop["gateway"];
  const via = hop["via"] as { host?: unknown } | undefined;
  return typeof via?.host === "string" ? via.host : undefined;
}

function mtuOf(metrics: unknown): number | undefined {
  if (!Array.isArray(metrics)) return undefined;
  return (metrics as Fields[])
    .map((entry) => numberOf(entry["mtu"]))
    .find((mtu) => mtu !== undefined);
}

function markOf(rule: Fields): Mark | undefined {
  const value = parseUint32(String(rule["fwmark"] ?? ""));
  if (value === undefined) return undefined;
  return { value, mask: parseUint32(String(rule["fwmask"] ?? "")) ?? FULL_MASK };
}

function network(address: unknown, length: unknown): string | undefined {
  if (typeof address !== "string" || address === "all") return undefined;
  return destination(numberOf(length) === undefined ? address : `${address}/${String(length)}`);
}

function destination(text: string): string {
  const prefix = parsePrefix(text);
  return prefix === undefined ? text : formatPrefix(prefix);
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^[0-9]+$/.test(value) ? Number(value) : undefined;
}
