/** Pure: what `iptables-save` prints, with counters or without, as rules in words. */
import { unquoted, wordsOf, type RuleInWords } from "./iptables-words";

/** One rule. */
export interface SavedRule extends RuleInWords {
  /** What follows `-A CHAIN`, as it is printed. */
  readonly spec: string;
  /** undefined: it was printed without. */
  readonly counted: { readonly packets: number; readonly bytes: number } | undefined;
}

/** A chain; `policy`: undefined where it is one of a user's own. */
export interface SavedChain {
  readonly table: string;
  readonly name: string;
  readonly policy: string | undefined;
}

const RULE = /^(?:\[(\d+):(\d+)\] )?-A (\S+) ?(.*)$/;
const CHAIN = /^:(\S+) (\S+)/;
/** The comments of all our rules begin like this. */
const OURS = "tenant-routing";

/** All of it in its order. `program`: what has printed it, with family and variant, such as `ip6tables-nft`. */
export function readSave(
  program: string,
  text: string,
): { readonly chains: readonly SavedChain[]; readonly rules: readonly SavedRule[] } {
  const [chains, rules]: [SavedChain[], SavedRule[]] = [[], []];
  let table = "";
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1).trim();
    chains.push(...chainIn(line, table));
    rules.push(...ruleIn(line, program, table));
  }
  return { chains, rules };
}

function chainIn(line: string, table: string): readonly SavedChain[] {
  const [, name, policy] = CHAIN.exec(line) ?? [];
  if (name === undefined) return [];
  return [{ table, name, policy: policy === "-" ? undefined : policy }];
}

function ruleIn(line: string, program: string, table: string): readonly SavedRule[] {
  const [, packets, bytes, chain, spec = ""] = RULE.exec(line) ?? [];
  if (chain === undefined) return [];
  const counted =
    packets === undefined ? undefined : { packets: Number(packets), bytes: Number(bytes) };
  return [{ program, table, chain, spec, counted, words: wordsOf(spec).map(unquoted) }];
}

/** Where an option stands; -1: nowhere. What follows `--comment` is text, whatever it looks like. */
export function placeOf({ words }: Pick<SavedRule, "words">, option: string): number {
  return words.findIndex((word, at) => word === option && words[at - 1] !== "--comment");
}

/** The word after an option; undefined: the rule does not have it. */
export function wordAfter(rule: Pick<SavedRule, "words">, option: string): string | undefined {
  const at = placeOf(rule, option);
  return at < 0 ? undefined : rule.words[at + 1];
}

/** True for a rule of ours, by its comment. */
export function isOurRule(rule: Pick<SavedRule, "words">): boolean {
  return wordAfter(rule, "--comment")?.startsWith(OURS) === true;
}
