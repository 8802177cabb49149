/** Pure: rules of native nftables that may change or drop a pod's packet, from `nft -j list ruleset`. */
import { isIn } from "../../routes/plan/desired";
import { OUR_TABLES } from "../../routes/model";
import type { Packet, RuleSight } from "../model";

type Fields = Readonly<Record<string, unknown>>;

/** A native rule at a hook that the packet meets. */
export interface NativeRule extends RuleSight {
  readonly hook: string;
  readonly effect: "mark" | "drop" | "translate" | "untrack";
  /** `maybe`: it has a match that is not judged here. */
  readonly matched: "yes" | "maybe";
  /** The number that a rule for the mark sets; undefined: not known. */
  readonly sets: number | undefined;
}

/** Tables of iptables-nft: their rules are read from iptables-save. */
const IPTABLES = /^ip6? (?:filter|nat|mangle|raw|security)$/;

/** The rules of others' base chains that match the packet or may, in the order of the listing. */
export function nativeRules(
  json: unknown,
  packet: Pick<Packet, "family" | "from" | "to" | "iif">,
): readonly NativeRule[] {
  const entries = listOf(fieldsOf(json)["nftables"]).map(fieldsOf);
  const hooks = new Map(
    entries.flatMap(({ chain }) => {
      const { hook, ...fields } = fieldsOf(chain);
      return typeof hook === "string" ? [[chainKey(fields, "name"), hook] as const] : [];
    }),
  );
  return entries.flatMap(({ rule }) => {
    const fields = fieldsOf(rule);
    const hook = hooks.get(chainKey(fields, "chain"));
    return hook === undefined || !isForeign(fields) ? [] : judged(fields, hook, packet);
  });
}

function judged(
  rule: Fields,
  hook: string,
  packet: Pick<Packet, "family" | "from" | "to" | "iif">,
): readonly NativeRule[] {
  const statements = listOf(rule["expr"]).map(fieldsOf);
  const done = statements.flatMap((statement) => effectOf(statement) ?? []);
  const [effect] = done;
  if (effect === undefined || !speaksOf(rule, packet.family)) return [];
  const verdicts = statements
    .filter((statement) => "match" in statement)
    .map(({ match }) => matches(fieldsOf(match), packet));
  if (verdicts.includes(false)) return [];
  const { family, table, chain, handle } = rule;
  return [
    {
      ...effect,
      hook,
      matched: verdicts.includes(undefined) ? "maybe" : "yes",
      where: `nft ${String(family)} ${String(table)} ${String(chain)}`,
      text: `handle ${String(handle)}`,
      removal: `nft delete rule ${String(family)} ${String(table)} ${String(chain)} handle ${String(handle)}`,
      counted: countedOf(statements),
    },
  ];
}

function speaksOf({ family }: Fields, wanted: number): boolean {
  return ["inet", wanted === 4 ? "ip" : "ip6"].includes(String(family));
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

function isForeign(fields: Fields): boolean {
  const table = `${String(fields["family"])} ${String(fields["table"])}`;
  return !OUR_TABLES.includes(table) && !IPTABLES.test(table);
}

function chainKey(fields: Fields, name: string): string {
  return `${String(fields["family"])} ${String(fields["table"])} ${String(fields[name])}`;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}
