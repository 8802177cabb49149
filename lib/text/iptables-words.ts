/** Pure: the words of a rule as iptables-save prints them, and as a shell takes them. */
import { shellWord } from "./shell";

const WORD = /"(?:[^"\\]|\\.)*"|\S+/g;

/** The words of a line; text in quotes is one, quotes included. */
export function wordsOf(line: string): readonly string[] {
  return line.match(WORD) ?? [];
}

/** What a word says, without its quotes. */
export function unquoted(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, "$1") : word;
}

/** One rule: by which program, in which table and chain, and what follows `-A CHAIN`, without quotes. */
export interface RuleInWords {
  readonly program: string;
  readonly table: string;
  readonly chain: string;
  readonly words: readonly string[];
}

/** The command that removes a rule. Each word is quoted anew: a shell runs nothing that a comment holds. */
export function removalOf({ program, table, chain, words }: RuleInWords): string {
  return [program, "-w", "-t", table, "-D", chain, ...words.map(shellWord)].join(" ");
}
