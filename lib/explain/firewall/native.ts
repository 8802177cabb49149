/** Pure: rules of native nftables that may change or drop a pod's packet, from `nft -j list ruleset`. */
import { fieldsOf, type Fields } from "../../text/fields";
import { nativeTables, nftRemoval, type NftChain, type NftRule } from "../../text/nft-json";
import { shellWord } from "../../text/shell";
import { OUR_TABLES } from "../../routes/model";
import type { RuleSight } from "../model";
import { holds, numberOf, pick, type NativePacket, type Sight } from "./native-values";

/** A native rule that the packet meets, in a base chain or in one that such a chain leads to; or a chain's policy. */
export interface NativeRule extends RuleSight {
  readonly effect: "mark" | "drop" | "translate" | "untrack";
  /** `maybe`: it, or a rule that leads there, has a match that is not judged here. */
  readonly matched: "yes" | "maybe";
  /** The mark behind a rule that sets it; undefined: not known. */
  readonly sets: number | undefined;
}

/** One walk through the rules of a base chain and what they lead to. */
interface Walk {
  readonly sight: Sight;
  /** The rules of a chain of the same table. */
  readonly rulesOf: (chain: string) => readonly NftRule[];
  readonly found: NativeRule[];
  /** Whether a rule of which it is not known whether it matches would have accepted the packet. */
  mayAccept: boolean;
}

/**
 * What the others' base chains of one hook, and the chains that these jump and go to, by themselves or by a verdict map,
 * do to the packet or may, in the order in which it meets them; a policy that drops it is the last of its chain.
 */
export function nativeRules(
  json: unknown,
  packet: NativePacket,
  hook: string,
): readonly NativeRule[] {
  const { chains, rules, sets } = nativeTables(json, OUR_TABLES);
  const passed = chains
    .filter((chain) => chain.hook === hook && speaksOf(chain.table, packet.family))
    .sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
  const found: NativeRule[] = [];
  for (const chain of passed) {
    const { table } = chain;
    const mark = markAfter(found, packet.mark);
    const elementsOf = (name: string) =>
      sets.find((each) => each.table === table && each.name === name)?.elements;
    const rulesOf = (name: string): readonly NftRule[] =>
      rules.filter((rule) => rule.table === table && rule.chain === name);
    const sight = { packet: { ...packet, mark }, elementsOf };
    found.push(...throughChain({ sight, rulesOf, found: [], mayAccept: false }, chain));
  }
  return found;
}

/** Chains with rules that a packet of the node may pass, and that are not followed: they belong to devices and bridges. */
export function unfollowedChains(json: unknown): readonly string[] {
  const { chains, rules } = nativeTables(json, OUR_TABLES);
  return chains
    .filter(({ table, hook }) => hook !== undefined && (isOfDevices(table) || hook === "ingress"))
    .filter(({ table, name }) => rules.some((rule) => rule.table === table && rule.chain === name))
    .map(({ table, name }) => `nft ${table} ${name}`);
}

function isOfDevices(table: string): boolean {
  return /^(?:netdev|bridge) /.test(table);
}

function throughChain(walk: Walk, chain: NftChain): readonly NativeRule[] {
  const { table, name, policy } = chain;
  const ended = follow(walk, name, { sure: true, open: [] }) === "end";
  const at = [...table.split(" "), name].map(shellWord).join(" ");
  if (ended || policy !== "drop") return walk.found;
  const rule = {
    ...({ effect: "drop", sets: undefined, counted: undefined } as const),
    matched: walk.mayAccept ? ("maybe" as const) : ("yes" as const),
    where: `nft ${table} ${name}`,
    text: "policy drop",
    removal: `nft insert rule ${at} ${senderText(walk.sight.packet)} accept`,
  };
  return [...walk.found, rule];
}

// Not the policy: whoever chose it wants it for everybody else.
function senderText({ family, from = "" }: NativePacket): string {
  return `${family === 6 ? "ip6" : "ip"} saddr ${from}`;
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
    const matched = matchedBy(rule, walk.sight);
    if (matched === "no") continue;
    const certain = sure && matched === "yes";
    walk.found.push(...effectsOf(rule, certain, walk));
    const after = leave(walk, rule, { sure: certain, open: [...open, chain] });
    if (matched === "yes" && after !== "on") return after === "return" ? "on" : after;
  }
  return "on";
}

type Outcome = "end" | "return" | "on";

/** Where a rule that matches sends the packet. */
function leave(walk: Walk, rule: NftRule, way: Way): Outcome {
  for (const statement of rule.statements) {
    const { vmap } = statement;
    const after =
      vmap === undefined
        ? verdictOf(walk, statement, way)
        : throughMap(walk, rule, fieldsOf(vmap), way);
    if (after !== "on") return after;
  }
  return "on";
}

/** Where a verdict sends the packet; `on` for what is no verdict. */
function verdictOf(walk: Walk, statement: Fields, way: Way): Outcome {
  if (ENDS.some((verdict) => verdict in statement)) {
    if (!way.sure && !isDrop(statement)) walk.mayAccept = true;
    return "end";
  }
  if ("return" in statement) return "return";
  const [jump, goTo] = ["jump", "goto"].map((word) => fieldsOf(statement[word])["target"]);
  const target = jump ?? goTo;
  if (typeof target !== "string") return "on";
  const after = follow(walk, target, way);
  if (after === "end" && way.sure) return "end";
  // After a goto the packet comes back to the chain before this one.
  return goTo === undefined ? "on" : "return";
}

/** What a verdict map does with the packet; with several that may be meant, none is certain. */
function throughMap(walk: Walk, rule: NftRule, { key, data }: Fields, way: Way): Outcome {
  const picked = pick(key, data, walk.sight);
  // A map that is not listed may do anything.
  if (picked === undefined) walk.mayAccept = true;
  let outcome: Outcome = "on";
  for (const { value, key: element, certain } of picked ?? []) {
    const verdict = fieldsOf(value);
    const sure = way.sure && certain;
    if (isDrop(verdict)) walk.found.push(dropBy(rule, { data, element, sure }));
    const after = verdictOf(walk, verdict, { ...way, sure });
    if (certain) outcome = after;
  }
  return outcome;
}

/** The element of a map that drops; one of a map without a name goes with its rule. */
function dropBy(
  rule: NftRule,
  {
    data,
    element,
    sure,
  }: { readonly data: unknown; readonly element: string; readonly sure: boolean },
): NativeRule {
  const { table, statements } = rule;
  const name = typeof data === "string" ? data.slice(1) : undefined;
  const map = [...table.split(" "), name ?? ""].map(shellWord).join(" ");
  return {
    ...({ effect: "drop", sets: undefined } as const),
    matched: sure ? "yes" : "maybe",
    ...sightOf(rule),
    text: `handle ${rule.handle}, element ${element}`,
    removal:
      name === undefined
        ? nftRemoval(rule)
        : `nft delete element ${map} ${shellWord(`{ ${element} }`)}`,
    counted: countedOf(statements),
  };
}

/** Verdicts after which no rule of the base chain comes. */
const ENDS = ["accept", "drop", "reject", "queue"];
/** Statements that let only some packets by, by what is not known here. */
const UNJUDGED = ["limit", "quota", "xt", "ct count", "ct helper", "socket", "osf"];

function isDrop(verdict: Fields): boolean {
  return "drop" in verdict || "reject" in verdict;
}

function matchedBy({ statements }: NftRule, sight: Sight): "yes" | "no" | "maybe" {
  const verdicts = statements.flatMap((statement) => {
    if ("match" in statement) return [holds(fieldsOf(statement["match"]), sight)];
    return UNJUDGED.some((word) => word in statement) ? [undefined] : [];
  });
  if (verdicts.includes(false)) return "no";
  return verdicts.includes(undefined) ? "maybe" : "yes";
}

function effectsOf(rule: NftRule, certain: boolean, walk: Walk): readonly NativeRule[] {
  const { sight } = walk;
  const mark = markAfter(walk.found, sight.packet.mark);
  const with_ = { ...sight, packet: { ...sight.packet, mark } };
  const [effect] = rule.statements.flatMap((statement) => effectOf(statement, with_) ?? []);
  if (effect === undefined) return [];
  return [{ ...effect, matched: certain ? "yes" : "maybe", ...sightOf(rule) }];
}

function sightOf(rule: NftRule): RuleSight {
  const { table, chain, handle, statements } = rule;
  return {
    where: `nft ${table} ${chain}`,
    text: `handle ${handle}`,
    removal: nftRemoval(rule),
    counted: countedOf(statements),
  };
}

/** The mark behind these rules, as far as they are certain. */
export function markAfter(rules: readonly NativeRule[], start: number): number {
  const set = rules.filter(({ effect, matched }) => effect === "mark" && matched === "yes").at(-1);
  return set?.sets ?? start;
}

function speaksOf(table: string, wanted: number): boolean {
  return ["inet", wanted === 4 ? "ip" : "ip6"].includes(table.split(" ")[0] ?? "");
}

function effectOf(
  statement: Fields,
  sight: Sight,
): readonly Pick<NativeRule, "effect" | "sets">[] | undefined {
  if (isDrop(statement)) return [{ effect: "drop", sets: undefined }];
  if ("notrack" in statement) return [{ effect: "untrack", sets: undefined }];
  if ("masquerade" in statement || "snat" in statement)
    return [{ effect: "translate", sets: undefined }];
  const { key, value } = fieldsOf(statement["mangle"]);
  if (fieldsOf(fieldsOf(key)["meta"])["key"] !== "mark") return undefined;
  const { map } = fieldsOf(value);
  const from = fieldsOf(map);
  // A map without the packet's key ends the rule.
  if (map !== undefined && pick(from["key"], from["data"], sight)?.length === 0) return undefined;
  return [{ effect: "mark", sets: numberOf(value, sight) }];
}

function countedOf(statements: readonly Fields[]): RuleSight["counted"] {
  const counter = statements
    .map(({ counter: each }) => fieldsOf(each))
    .find((each) => "packets" in each);
  return counter === undefined
    ? undefined
    : { packets: Number(counter["packets"]), bytes: Number(counter["bytes"]) };
}
