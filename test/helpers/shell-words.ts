/** The programs that a piece of shell runs, by their names: as far as pages write shell. */

const KEYWORDS = ["do", "done", "then", "else", "fi", "if", "while", "until", "!", "{", "}", "("];
/** Words of the shell itself that run nothing. */
const SILENT = ["for", "read", "exit", "source", ":", "exec"];

/** The first word of each command in `text`, without its directory; comments and quoted text are passed over. */
export function commandsIn(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*$/, "").replace(/'[^']*'/g, "Q"))
    .flatMap((line) => [...nestedIn(line), outerOf(line)])
    .flatMap((line) => line.split(/\|\||&&|[|;&]|\bdo\b/))
    .flatMap((part) => firstWord(part) ?? []);
}

/** What is inside `$( )`, as deep as it goes, each without what is inside of that. */
function nestedIn(line: string): readonly string[] {
  const [inner] = /\$\(([^()]*)\)/.exec(line) ?? [];
  if (inner === undefined) return [];
  return [outerOf(inner.slice(2, -1)), ...nestedIn(line.replace(inner, "X"))];
}

/** The line without nested commands and quoted text. */
function outerOf(line: string): string {
  const replaced = line.replace(/\$\([^()]*\)/g, "X");
  if (replaced !== line) return outerOf(replaced);
  return line.replace(/"[^"]*"/g, "Q").replace(/[0-9]?[<>]+&?\s*\S+/g, "");
}

function firstWord(part: string): string | undefined {
  const words = part.trim().split(/\s+/);
  const at = words.findIndex((word) => !KEYWORDS.includes(word) && !/^\w+=/.test(word));
  const word = words[at];
  if (word === undefined || word === "" || SILENT.includes(word)) return undefined;
  return word.replace(/^.*\//, "");
}
