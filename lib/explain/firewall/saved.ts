/** Pure: the output of `iptables-save -c` as chains of rules. */
import { removalOf, unquoted, wordsOf } from "../../text/iptables-words";
import type { Counted, RuleSight } from "../model";

export interface SavedRule extends RuleSight {
  /** What follows the chain, in words; quotes are taken off. */
  readonly words: readonly string[];
}

export interface SavedChain {
  /** undefined: a chain of the user's own. */
  readonly policy: string | undefined;
  readonly rules: readonly SavedRule[];
}

/** By table, then by chain. */
export type SavedChains = ReadonlyMap<string, ReadonlyMap<string, SavedChain>>;

const RULE = /^(?:\[(\d+):(\d+)\] )?-A (\S+) ?(.*)$/;
const CHAIN = /^:(\S+) (\S+)/;

/** Reads what `program` (such as `iptables-nft`) has printed, with counters or without. */
export function parseSaved(program: string, text: string): SavedChains {
  return new Map(
    text
      .split(/^\*/m)
      .slice(1)
      .map((part) => {
        const [table = "", ...lines] = part.split("\n");
        return [table.trim(), chainsIn(lines, program, table.trim())];
      }),
  );
}

function chainsIn(
  lines: readonly string[],
  program: string,
  table: string,
): ReadonlyMap<string, SavedChain> {
  const chains = new Map<string, { policy: string | undefined; rules: SavedRule[] }>();
  for (const line of lines) {
    const [, name = "", policy] = CHAIN.exec(line) ?? [];
    if (name !== "") chains.set(name, { policy: policy === "-" ? undefined : policy, rules: [] });
    const rule = RULE.exec(line);
    if (rule !== null) chains.get(rule[3] ?? "")?.rules.push(ruleOf(rule, program, table));
  }
  return chains;
}

function ruleOf(
  [, packets, bytes, chain = "", spec = ""]: RegExpExecArray,
  program: string,
  table: string,
): SavedRule {
  const words = wordsOf(spec).map(unquoted);
  return {
    where: `${program} ${table} ${chain}`,
    text: `-A ${chain} ${spec}`.trimEnd(),
    removal: removalOf({ program, table, chain, words }),
    counted: countedOf(packets, bytes),
    words,
  };
}

function countedOf(packets: string | undefined, bytes: string | undefined): Counted | undefined {
  return packets === undefined
    ? undefined
    : { packets: Number(packets), bytes: Number(bytes ?? 0) };
}
