/** Pure: the output of `iptables-save -c` as chains of rules. */
import { readSave, type SavedRule as Saved } from "../../text/iptables-save";
import { removalOf } from "../../text/iptables-words";
import type { RuleSight } from "../model";

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

/** Reads what `program` (such as `iptables-nft`) has printed, with counters or without. */
export function parseSaved(program: string, text: string): SavedChains {
  const { chains, rules } = readSave(program, text);
  const tables = new Map<string, Map<string, { policy: string | undefined; rules: SavedRule[] }>>();
  for (const { table, name, policy } of chains) {
    const known =
      tables.get(table) ?? new Map<string, { policy: string | undefined; rules: SavedRule[] }>();
    tables.set(table, known.set(name, { policy, rules: [] }));
  }
  for (const rule of rules) tables.get(rule.table)?.get(rule.chain)?.rules.push(sightOf(rule));
  return tables;
}

function sightOf(rule: Saved): SavedRule {
  const { program, table, chain, spec, counted, words } = rule;
  return {
    where: `${program} ${table} ${chain}`,
    text: `-A ${chain} ${spec}`.trimEnd(),
    removal: removalOf(rule),
    counted,
    words,
  };
}
