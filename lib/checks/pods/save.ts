/** Pure: rules as `iptables-save` prints them, read as words and written as commands. */
import { unquoted, wordsOf, type RuleInWords } from "../../text/iptables-words";

/** What one program prints. */
export interface SavedTables {
  /** With family and variant: `iptables-nft`. */
  readonly program: string;
  readonly text: string;
}

/** One rule. */
export interface SavedRule extends RuleInWords {
  /** What follows `-A CHAIN`, as it is printed. */
  readonly spec: string;
}

/** All rules, in their order. */
export function savedRules({ program, text }: SavedTables): readonly SavedRule[] {
  let table = "";
  return text.split("\n").flatMap((line) => {
    if (line.startsWith("*")) table = line.slice(1).trim();
    const [, chain = "", spec = ""] = /^-A (\S+) (.*)$/.exec(line) ?? [];
    if (chain === "") return [];
    return [{ program, table, chain, spec, words: wordsOf(spec).map(unquoted) }];
  });
}

/** The word after an option; undefined: the rule does not have it. */
export function wordAfter({ words }: Pick<SavedRule, "words">, option: string): string | undefined {
  const at = words.indexOf(option);
  return at < 0 ? undefined : words[at + 1];
}

/** True for a rule of ours, by its comment. */
export function isOurRule(rule: SavedRule): boolean {
  return wordAfter(rule, "--comment")?.startsWith("tenant-routing") === true;
}
