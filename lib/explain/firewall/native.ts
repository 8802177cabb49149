/** Pure: rules of native nftables that may change or drop a pod's packet, from `nft -j list ruleset`. */
import { fieldsOf, type Fields } from "../../text/fields";
import { nativeTables, nftRemoval, type NftRule } from "../../text/nft-json";
import { isIn } from "../../routes/plan/desired";
import { OUR_TABLES } from "../../routes/model";
import type { Packet, RuleSight } from "../model";

/** A native rule that the packet meets, in a base chain or in one that such a chain leads to. */
export interface NativeRule extends RuleSight {
  /** Of the base chain. */
  readonly hook: string;
  readonly effect: "mark" | "drop" | "translate" | "untrack";
  /** `maybe`: it, or a rule that leads there, has a match that is not judged here. */
  readonly matched: "yes" | "maybe";
  /** The number that a rule for the mark sets; undefined: not known. */
  readonly sets: number | undefined;
}

type Met = Pick<Packet, "family" | "from" | "to" | "iif">;

/** One walk through the rules of a base chain and what they lead to. */
interface Walk {
  readonly packet: Met;
  readonly hook: string;
  /** The rules of a chain of the same table. */
  readonly rulesOf: (chain: string) => readonly NftRule[];
  readonly found: NativeRule[];
}

/**
 * The rules of others' base chains, and of the chains that these jump and go to, that match the packet or may, in the
 * order in which it meets them. Named verdict maps are not followed.
 */
export function nativeRules(json: unknown, packet: Met): readonly NativeRule[] {
  const { chains, rules } = nativeTables(json, OUR_TABLES);
  return chains.flatMap(({ table, name, hook }) => {
    if (hook === undefined || !speaksOf(table, packet.family)) return [];
    const rulesOf = (chain: string): readonly NftRule[] =>
      rules.filter((rule) => rule.table === table && rule.chain === chain);
    const walk: Walk = { packet, hook, rulesOf, found: [] };
    follow(walk, name, { sure: true, open: [] });
    return walk.found;
  });
}

/** How the packet came to a chain: for sure or perhaps, and through which chains that are not at their end. */
interface Way {
  readonly sure: boolean;
  readonly open: readonly string[];
}

/** `end`: for sure no rule of the base chain comes after this. */
function follow(walk: Walk, chain: string, { sure, open }: Way): "end" | "on" {
  // The kernel refuses loops; a text need not.
  if (open.includes(chain)) return "on";
  for (const rule of walk.rulesOf(chain)) {
    const matched = matchedBy(rule, walk.packet);
    if (matched === "no") continue;
    const certain = sure && matched === "yes";
    walk.found.push(...effectsOf(rule, certain, walk.hook));
    const after = leave(walk, rule, { sure: certain, open: [...open, chain] });
    if (matched === "yes" && after !== "on") return after === "return" ? "on" : after;
  }
  return "on";
}

/** Where a rule that matches sends the packet. */
function leave(walk: Walk, { statements }: NftRule, way: Way): "end" | "return" | "on" {
  for (const statement of statements) {
    if (ENDS.some((verdict) => verdict in statement)) return "end";
    if ("return" in statement) return "return";
    const [jump, goTo] = ["jump", "goto"].map((word) => fieldsOf(statement[word])["target"]);
    const target = jump ?? goTo;
    if (typeof target !== "string") continue;
    const after = follow(walk, target, way);
    if (after === "end" && way.sure) return "end";
    // After a goto the packet comes back to the chain before this one.
    if (goTo !== undefined) return "return";
  }
  return "on";
}

/** Verdicts after which no rule of the base chain comes. */
const ENDS = ["accept", "drop", "reject", "queue"];

function matchedBy({ statements }: NftRule, packet: Met): "yes" | "no" | "maybe" {
  const verdicts = statements
    .filter((statement) => "match" in statement)
    .map(({ match }) => matches(fieldsOf(match), packet));
  if (verdicts.includes(false)) return "no";
  return verdicts.includes(undefined) ? "maybe" : "yes";
}

function effectsOf(rule: NftRule, certain: boolean, hook: string): readonly NativeRule[] {
  const { table, chain, handle, statements } = rule;
  const [effect] = statements.flatMap((statement) => effectOf(statement) ?? []);
  if (effect === undefined) return [];
  return [
    {
      ...effect,
      hook,
      matched: certain ? "yes" : "maybe",
      where: `nft ${table} ${chain}`,
      text: `handle ${handle}`,
      removal: nftRemoval(rule),
      counted: countedOf(statements),
    },
  ];
}

function speaksOf(table: string, wanted: number): boolean {
  return ["inet", wanted === 4 ? "ip" : "ip6"].includes(table.split(" ")[0] ?? "");
}

function effectOf(statement: Fields): readonly Pick<NativeRule, "effect" | "sets">[] | undefined {
  if ("drop" in statement || "reject" in statement) return [{ effect: "drop", sets: undefined }];
  if ("notrack" in statement) return [{ effect: "untrack", sets: undefined }];
  if ("masquerade" in statement || "snat" in statement)
    return [{ effect: "translate", sets: undefined }];
  const { key, value } = fieldsOf(statement["mangle"]);
  if (fieldsOf(fieldsOf(key)["meta"])["key"] !== "mark") return undefined;
  return [{ effect: "mark", sets: typeof value === "number" ? value : undefined }];
}

/** undefined: not known. */
function matches(
  { op, left, right }: Fields,
  { from, to, iif }: Pick<Packet, "from" | "to" | "iif">,
): boolean | undefined {
  const { protocol, field } = fieldsOf(fieldsOf(left)["payload"]);
  const meta = fieldsOf(fieldsOf(left)["meta"])["key"];
  const found = ((): boolean | undefined => {
    if (meta === "iifname" && typeof right === "string") return right === iif;
    if (protocol !== "ip" && protocol !== "ip6") return undefined;
    const network = networkOf(right);
    if (network === undefined) return undefined;
    if (field === "saddr") return from !== undefined && isIn(network, from);
    return field === "daddr" ? isIn(network, to) : undefined;
  })();
  if (found === undefined || (op !== "==" && op !== "!=")) return undefined;
  return op === "==" ? found : !found;
}

function networkOf(right: unknown): string | undefined {
  if (typeof right === "string") return right.startsWith("@") ? undefined : right;
  const { addr, len } = fieldsOf(fieldsOf(right)["prefix"]);
  return typeof addr === "string" ? `${addr}/${String(len)}` : undefined;
}

function countedOf(statements: readonly Fields[]): RuleSight["counted"] {
  const counter = statements
    .map(({ counter: each }) => fieldsOf(each))
    .find((each) => "packets" in each);
  return counter === undefined
    ? undefined
    : { packets: Number(counter["packets"]), bytes: Number(counter["bytes"]) };
}
