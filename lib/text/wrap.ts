/** What people read is at most so wide (columns); commands that they copy are never broken. */
export const WIDTH = 100;

/** `text` in lines of at most `width` columns; a longer word has a line of its own. */
export function wrap(text: string, width: number): readonly string[] {
  return wrapWords(text.split(" "), width);
}

/** The same of words that may hold spaces. */
export function wrapWords(words: readonly string[], width: number): readonly string[] {
  const lines = [""];
  for (const word of words) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}

/** The same as text, with `first` before its first line and as many spaces before the others. */
export function wrapBehind(first: string, text: string): string {
  const indent = " ".repeat(first.length);
  return wrap(text, WIDTH - first.length)
    .map((line, i) => `${i === 0 ? first : indent}${line}\n`)
    .join("");
}
