/** Pure: such rules in native tables, from what `nft -j list ruleset` prints. */
import { formatCidr, parsePrefix, type Prefix } from "../../net/address";
import {
  fieldsOf,
  foreignRulesIn,
  listOf,
  writtenMarks,
  type Bits,
  type Fields,
  type NftRule,
} from "../../routes/kernel/mark-uses-nft";
import { shellWord } from "../../text/shell";
import type { ForeignRule } from "./model";

export function foreignInNft(json: unknown): readonly ForeignRule[] {
  return foreignRulesIn(json).flatMap((rule) => {
    const sources = rule.statements.flatMap((statement) => sourcesIn(fieldsOf(statement["match"])));
    const bits = rule.statements.flatMap((statement) => writtenMarks(statement));
    return sources.length === 0 ? [] : bits.map((each) => ruleOf(rule, sources, each));
  });
}

function ruleOf(
  { table, chain, handle }: NftRule,
  sources: readonly Prefix[],
  { mask, values }: Bits,
): ForeignRule {
  const value = values.length === 1 ? values[0] : undefined;
  const from = sources.map(formatCidr).join(", ");
  const what = value === undefined ? "writes the mark" : `writes 0x${value.toString(16)}`;
  return {
    where: `nft ${table} ${chain}`,
    text: `saddr ${from} ${what} (handle ${handle})`,
    removal: `nft delete rule ${[...table.split(" "), chain].map(shellWord).join(" ")} handle ${handle}`,
    sources,
    mask,
    value,
  };
}

function sourcesIn({ op, left, right }: Fields): readonly Prefix[] {
  const field = fieldsOf(fieldsOf(left)["payload"])["field"];
  return field === "saddr" && (op === "==" || op === "in") ? networksOf(right) : [];
}

/** An address, a network, or a set of them; what else there is (ranges, named sets) is not read. */
function networksOf(right: unknown): readonly Prefix[] {
  if (typeof right === "string") return known(parsePrefix(right));
  const { set, prefix } = fieldsOf(right);
  if (set !== undefined) return listOf(set).flatMap(networksOf);
  const { addr, len } = fieldsOf(prefix);
  return typeof addr === "string" ? known(parsePrefix(`${addr}/${String(len)}`)) : [];
}

function known(prefix: Prefix | undefined): readonly Prefix[] {
  return prefix === undefined ? [] : [prefix];
}
