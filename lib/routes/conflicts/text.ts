/** Pure: findings and collisions as sentences and their parts: what is so, what follows, what to do. */
import { formatMark, hex } from "../../net/mark";
import type { IpRule, MarkUse, MarkUser } from "../model";
import { tableName } from "../plan/table-names";
import {
  foreignNamesParts,
  listText,
  type Parts,
  quotedRoute,
  quotedRule,
  routeRemoval,
  ruleRemoval,
  sentenceOf,
} from "../text";
import { FINDING_TEXTS } from "./finding-text";
import { LINK_COLLISION_TEXTS } from "./link-text";
import type { Collision, CollisionKind, Finding, FreeMarks } from "./kinds";
import { isOfKnownUser, remedyFor } from "./known-users";

type CollisionOf<K extends CollisionKind> = Extract<Collision, { readonly kind: K }>;

/** The sentence of a finding: what is so, what follows, what to do. */
export function findingText(finding: Finding): string {
  return sentenceOf(findingParts(finding));
}

/** The same in its parts. */
export function findingParts(finding: Finding): Parts {
  const parts = FINDING_TEXTS[finding.kind] as (each: Finding) => Parts;
  return parts(finding);
}

/** The sentence of a collision. */
export function collisionText(collision: Collision): string {
  return sentenceOf(collisionParts(collision));
}

/** The same in its parts. */
export function collisionParts(collision: Collision): Parts {
  const parts = COLLISION_TEXTS[collision.kind] as (each: Collision) => Parts;
  return parts(collision);
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

const COLLISION_TEXTS: { readonly [K in CollisionKind]: (collision: CollisionOf<K>) => Parts } = {
  mark: (collision) => ({
    fault: `${meetingText(collision)} are the same in the common bits ${commonBits(collision)}`,
    consequence: `packets of one are taken for the other's${podsText(collision)}`,
    ...waysOut(collision),
  }),
  mask: (collision) => ({
    fault: `${meetingText(collision)} have the bits ${commonBits(collision)} in common`,
    consequence: `each disturbs what the other wrote${podsText(collision)}`,
    ...waysOut(collision),
  }),
  table: ({ tenant, table, rules, routes }) =>
    rules.length > 0
      ? {
          fault: `table ${table} of tenant ${tenant} is looked up by ${rulesText(rules)}`,
          consequence: "packets that are not the tenant's take its gateways",
          remedy: rules.map(ruleRemoval).join(" && "),
          instead: "give the tenant another table",
        }
      : {
          fault: `table ${table} of tenant ${tenant} has foreign routes: ${listText(routes.map(quotedRoute), 3)}`,
          joint: "; ",
          consequence: `the tenant's packets would take ${them(routes)}`,
          remedy: routes.map(routeRemoval).join(" && "),
          instead: "give the tenant another table",
        },
  priority: (collision) => ("rules" in collision ? takenPriority(collision) : lateLocal(collision)),
  route: ({ present, wanted, why }) => ({
    fault: `the main table has ${quotedRoute(present)}`,
    consequence: `${quotedRoute(wanted)} (${why}) would replace it`,
    remedy: routeRemoval(present),
    instead: `take ${wanted.dst} out of "nodeRoutes", if it is needed`,
  }),
  name: (collision) => {
    if ("path" in collision) return foreignNamesParts(collision.path);
    const { tenant = "", table, entry } = collision;
    return {
      fault: `${entry.file} calls table ${entry.number} ${entry.name}, but tenant ${tenant} has table ${table} under the name ${tableName(tenant)}`,
      consequence: "ip takes one name for the other's table",
      remedy:
        'remove that line, give the tenant another table, or set "routes": {"namesDir": ""} for no names',
    };
  },
  unseen: ({ problem }) => ({
    fault: problem,
    consequence: "it is not known who else uses marks there",
    remedy: "fix that, or go ahead with --force once you know that nobody uses the tenants' bits",
  }),
  ...LINK_COLLISION_TEXTS,
};

type TakenPriority = Extract<CollisionOf<"priority">, { readonly priority: number }>;
type LateLocal = Extract<CollisionOf<"priority">, { readonly first: number }>;

function takenPriority({ priority, purpose, rules }: TakenPriority): Parts {
  return {
    fault: `priority ${priority}, which is for ${purpose ?? "our rules"}, is used by ${rulesText(rules)}`,
    consequence: "which of them is first is chance",
    remedy: rules.map(ruleRemoval).join(" && "),
    instead: `move ${them(rules)}, or set another priority in "routes" of the conflist`,
  };
}

function lateLocal({ family, first, local }: LateLocal): Parts {
  const [found, remedy] =
    local === undefined
      ? ["is missing", `put it back with "ip -${family} rule add pref 0 lookup local"`]
      : [`is at ${local}`, `set priorities above ${local} in "routes" of the conflist`];
  return {
    fault: `the IPv${family} rule for the local table ${found} and our first rule is at ${first}`,
    consequence: "packets to the node itself would leave by a gateway",
    remedy,
  };
}

function rulesText(rules: readonly IpRule[]): string {
  return listText(rules.map(quotedRule), 3);
}

function them(others: readonly unknown[]): string {
  return others.length === 1 ? "it" : "them";
}

type Meeting = CollisionOf<"mark" | "mask">;

function meetingText({ tenant, mark, use, meeting }: Meeting): string {
  return `mark ${formatMark(mark)} of tenant ${tenant} and ${bitsText(use)} of ${markUserText(use.by)}${use.rule === undefined ? "" : ` "${use.rule.text}"`}${alikeText(use, meeting)}`;
}

function commonBits({ mark, use }: Meeting): string {
  return hex(use.mask & mark.mask);
}

/** A rule of a known project is not deleted: its owner needs it, and would put it back. */
function waysOut({ use, free }: Meeting): Pick<Parts, "remedy" | "instead"> {
  const words = `${remedyText(use)}; ${freeMarksText(free)}`;
  const { rule, by } = use;
  return rule === undefined || isOfKnownUser(by)
    ? { remedy: words }
    : { remedy: rule.removal, instead: words };
}

function podsText({ pods = [] }: Meeting): string {
  return pods.length === 0 ? "" : `, which hits ${listText(pods, 3)}`;
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
