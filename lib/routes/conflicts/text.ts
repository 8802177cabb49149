/** Pure: findings and collisions as sentences: what is so, what follows from it, and what to do. */
import { formatMark } from "../../net/mark";
import type { IpRule, MarkUse, MarkUser, ResolvedGateway } from "../model";
import { tableName } from "../plan/table-names";
import {
  foreignNamesText,
  listText,
  quotedRoute,
  quotedRule,
  retiredMarkText,
  sysctlName,
} from "../text";
import type { Collision, CollisionKind, Finding, FindingKind, FreeMarks } from "./kinds";
import { remedyFor } from "./known-users";

type FindingOf<K extends FindingKind> = Extract<Finding, { readonly kind: K }>;
type CollisionOf<K extends CollisionKind> = Extract<Collision, { readonly kind: K }>;

/** Behind the kernel's own rules for the tables main (32766) and default (32767). */
const LAST_PRIORITY = 32768;

/** The sentence of a finding: what is so, what follows, what to do. */
export function findingText(finding: Finding): string {
  const text = FINDING_TEXTS[finding.kind] as (each: Finding) => string;
  return text(finding);
}

/** The sentence of a collision. */
export function collisionText(collision: Collision): string {
  const text = COLLISION_TEXTS[collision.kind] as (each: Collision) => string;
  return text(collision);
}

/**
 * Where mark bits are used: `ip rule 100`, `iptables-nft mangle PREROUTING`, `Cilium (interface
 * cilium_host)`.
 */
export function markUserText(by: MarkUser): string {
  switch (by.kind) {
    case "ip-rule":
      return `${by.family === 6 ? "ip -6 rule" : "ip rule"} ${by.priority}`;
    case "iptables":
      return `${by.program} ${by.table} ${by.chain}`;
    case "nft":
      return `nft ${by.table} ${by.chain}`;
    case "known":
      return `${by.name} (${by.sign})`;
  }
}

const FINDING_TEXTS: { readonly [K in FindingKind]: (finding: FindingOf<K>) => string } = {
  "device-missing": ({ gateway }) =>
    `${leftOut(gateway)} because this node has no interface ${gateway.dev ?? ""}: make it, or correct "dev"`,
  "device-down": ({ gateway }) => {
    const dev = gateway.dev ?? "";
    return `${leftOut(gateway)} because ${dev} is down: ip link set ${dev} up`;
  },
  "gateway-own-address": ({ gateway }) =>
    `${leftOut(gateway)} because ${gateway.via ?? ""} is an address of this node, which cannot be its own gateway: correct "via", or keep the tenant's pods off this node`,
  "gateway-off-link": ({ gateway }) => {
    const { via = "", dev } = gateway;
    return dev === undefined
      ? `${leftOut(gateway)} because no connected route leads to ${via}: give an interface an address in its network, or name the interface as "dev"`
      : `${leftOut(gateway)} because ${dev} has no connected route to ${via}: give ${dev} an address in its network, or correct "via" or "dev"`;
  },
  "gateway-failed": ({ gateway }) =>
    `${leftOut(gateway)} because it does not answer: see ip neigh and the gateway itself; it is taken back when it answers`,
  "mark-without-tenant": ({ retired }) => retiredMarkText(retired),
  "forwarding-off": ({ path, have, want, why }) =>
    `${sysctlName(path)} is ${have}, so the node drops what it should send on (${why}): ${sets(path, want)}`,
  "strict-rp-filter": ({ path, have, want, dev, all }) =>
    `the reverse-path filter on ${dev} is strict (the larger of ${have} on ${dev} and ${all} on all), so every reply that comes in there is dropped: ${sets(path, want)}`,
  "main-refuses": (finding) => refusalText(finding, "because"),
  "main-may-refuse": (finding) =>
    refusalText(finding, "once the better routes beside it are gone, because"),
  "no-gateway": ({ tenant, table }) =>
    `tenant ${tenant} has table ${table} and no gateways, so its packets beyond the cluster are stopped: list its "gateways"; or, where a router behind the node tells it apart, leave out its "table", and set that of the router's uplink`,
  "no-default-route": ({ devices }) =>
    `the main table has no IPv4 default route, so even the loose reverse-path filter on ${listText(devices, 3)} drops replies from the internet: give the node a default route, or set rp_filter of ${listText(devices, 3)} and of all to 0`,
  "half-default": ({ routes }) =>
    `the main table has ${listText(routes.map(quotedRoute), 2)}, as VPN clients make them in place of a default route; they come before the tenants' tables, so tenants' packets take them: let the VPN client put its routes in a table of its own, or name its interface as a tenant's gateway`,
  "rule-before": ({ rule, behind }) =>
    `the rule ${quotedRule(rule)} comes before the tenants' rules and takes their packets too: move it behind ${behind}, or narrow it by from, to or fwmark`,
  "ra-default": ({ dev }) =>
    `the IPv6 default route on ${dev} is from router advertisements, which the kernel ignores once IPv6 forwarding is on, so the route goes: set ${sysctlName(`net/ipv6/conf/${dev}/accept_ra`)} to 2`,
  mtu: ({ tenant, pods, least, dev, patched }) => {
    const limit =
      dev === undefined ? "the tenant's route allows" : `${dev}, which their packets leave by, has`;
    const key = `/tenants/${tenant}/delegate/mtu${patched ? "" : ", or /delegate/mtu for all pods,"}`;
    return `pods of tenant ${tenant} have an MTU of ${pods}, but ${limit} ${least}, so their larger packets are refused or lost: set ${key} to ${least}`;
  },
};

function leftOut({ tenant, family, via, dev }: ResolvedGateway): string {
  const device = dev === undefined ? "" : ` dev ${dev}`;
  return `gateway ${via ?? `IPv${family}`}${device} of tenant ${tenant} is left out`;
}

function sets(path: string, value: string): string {
  return `apply --sysctl sets ${sysctlName(path)} to ${value}`;
}

function refusalText(
  { route }: FindingOf<"main-refuses" | "main-may-refuse">,
  when: string,
): string {
  const instead = `ip -${route.family} rule add pref ${LAST_PRIORITY} ${route.type}`;
  return `the main table has ${quotedRoute(route)}, which takes the tenants' packets too ${when} no rule passes over a route that refuses: delete it; to refuse what has no route, have "${instead}" instead`;
}

const COLLISION_TEXTS: { readonly [K in CollisionKind]: (collision: CollisionOf<K>) => string } = {
  mark: (collision) =>
    `${meetingText(collision)} are the same in the common bits ${commonBits(collision)}, so packets of one are taken for the other's${otherwise(collision)}`,
  mask: (collision) =>
    `${meetingText(collision)} have the bits ${commonBits(collision)} in common, so each disturbs what the other wrote${otherwise(collision)}`,
  table: ({ tenant, table, rules, routes }) =>
    rules.length > 0
      ? `table ${table} of tenant ${tenant} is looked up by ${rulesText(rules)}, so packets that are not the tenant's take its gateways: delete ${them(rules)}, or give the tenant another table`
      : `table ${table} of tenant ${tenant} has foreign routes, which the tenant's packets would take: ${listText(routes.map(quotedRoute), 3)}; delete ${them(routes)}, or give the tenant another table`,
  priority: (collision) =>
    "rules" in collision ? takenPriorityText(collision) : lateLocalText(collision),
  route: ({ present, wanted, why }) =>
    `the main table has ${quotedRoute(present)}, which ${quotedRoute(wanted)} (${why}) would replace: delete it if it is not needed, or take ${wanted.dst} out of "nodeRoutes"`,
  name: (collision) => {
    if ("path" in collision) return foreignNamesText(collision.path);
    const { tenant = "", table, entry } = collision;
    const remedy =
      'remove that line, give the tenant another table, or set "routes": {"namesDir": ""} for no names';
    return `${entry.file} calls table ${entry.number} ${entry.name}, but tenant ${tenant} has table ${table} under the name ${tableName(tenant)}: ${remedy}`;
  },
  unseen: ({ problem }) =>
    `${problem}, so it is not known who else uses marks there: fix that, or go ahead with --force once you know that nobody uses the tenants' bits`,
};

type TakenPriority = Extract<CollisionOf<"priority">, { readonly priority: number }>;
type LateLocal = Extract<CollisionOf<"priority">, { readonly first: number }>;

function takenPriorityText({ priority, purpose, rules }: TakenPriority): string {
  return `priority ${priority}, which is for ${purpose ?? "our rules"}, is used by ${rulesText(rules)}, and which of them is first is chance: move ${them(rules)}, or set another priority in "routes" of the conflist`;
}

function lateLocalText({ family, first, local }: LateLocal): string {
  const [found, remedy] =
    local === undefined
      ? ["is missing", `put it back with "ip -${family} rule add pref 0 lookup local"`]
      : [`is at ${local}`, `set priorities above ${local} in "routes" of the conflist`];
  return `the IPv${family} rule for the local table ${found} and our first rule is at ${first}, so packets to the node itself would leave by a gateway: ${remedy}`;
}

function rulesText(rules: readonly IpRule[]): string {
  return listText(rules.map(quotedRule), 3);
}

function them(others: readonly unknown[]): string {
  return others.length === 1 ? "it" : "them";
}

type Meeting = CollisionOf<"mark" | "mask">;

function meetingText({ tenant, mark, use, meeting }: Meeting): string {
  return `mark ${formatMark(mark)} of tenant ${tenant} and ${bitsText(use)} of ${markUserText(use.by)}${alikeText(use, meeting)}`;
}

function commonBits({ mark, use }: Meeting): string {
  return hex(use.mask & mark.mask);
}

function otherwise({ use, free }: Meeting): string {
  return `: ${remedyText(use)}; ${freeMarksText(free)}`;
}

function bitsText({ mask, value, whole }: MarkUse): string {
  if (whole) return value === undefined ? "the whole mark" : `${hex(value)} of the whole mark`;
  return value === undefined ? `the bits ${hex(mask)}` : formatMark({ value, mask });
}

function alikeText(use: MarkUse, meeting: readonly MarkUse[]): string {
  const rest = meeting.length - 1;
  if (rest === 0) return "";
  const elsewhere = new Set(meeting.map(({ by }) => markUserText(by)));
  elsewhere.delete(markUserText(use.by));
  const also = elsewhere.size === 0 ? "" : `, also in ${listText([...elsewhere], 2)}`;
  return ` (and ${rest} more like it${also})`;
}

function remedyText({ by, whole }: MarkUse): string {
  const other = whole
    ? "give that rule a mask, or the tenants other marks"
    : "give the tenants other marks";
  const known = remedyFor(by);
  return known === undefined ? other : `${other} (${known})`;
}

/** The marks that the tenants could have, as the end of a sentence. */
export function freeMarksText({ tenants, proposal, unavoidable }: FreeMarks): string {
  const whole = [...new Set(unavoidable.map(markUserText))];
  const aside =
    whole.length === 0
      ? ""
      : `, apart from ${listText(whole, 2)}, whose use of the whole mark no mask avoids`;
  if (proposal === undefined)
    return `no run of bits is free on this node for ${tenants.length} tenants${aside}`;
  const { marks, mask, alsoUsedBy } = proposal;
  const each = tenants.map(
    (tenant, i) => `${tenant} ${formatMark(marks[i] ?? { value: 0, mask })}`,
  );
  const elsewhere =
    alsoUsedBy.length === 0 ? "" : ` (elsewhere used by ${listText(alsoUsedBy, 3)})`;
  return `free on this node: ${listText(each, 8)}${elsewhere}${aside}`;
}

function hex(bits: number): string {
  return `0x${(bits >>> 0).toString(16)}`;
}
