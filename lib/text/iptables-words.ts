/** Pure: the words of a rule as iptables-save prints them. */
const WORD = /"(?:[^"\\]|\\.)*"|\S+/g;

/** The words of a line; text in quotes is one, quotes included. */
export function wordsOf(line: string): readonly string[] {
  return line.match(WORD) ?? [];
}

/** What a word says, without its quotes. */
export function unquoted(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, "$1") : word;
}
