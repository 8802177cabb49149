/**
 * Pure: the strings of a TOML file (https://toml.io/en/v1.0.0), which is all that the runtimes' directories need. Other values are
 * passed over; a file that is no TOML gives what can be read of it.
 */

/** Values by their full key, its parts joined by a full stop: `plugins.cri.cni.bin_dir`. One string is a list of one. */
export type TomlStrings = ReadonlyMap<string, readonly string[]>;

const PART = String.raw`(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)`;
const KEY = String.raw`${PART}(?:\s*\.\s*${PART})*`;
const TABLE = new RegExp(String.raw`^\s*\[\s*(${KEY})\s*\]\s*(?:#.*)?$`);
const ASSIGNMENT = new RegExp(String.raw`^\s*(${KEY})\s*=\s*(.*)$`);
const STRING = /"((?:[^"\\]|\\.)*)"|'([^']*)'/y;

/** The strings and lists of strings of `text`. */
export function tomlStrings(text: string): TomlStrings {
  const found = new Map<string, readonly string[]>();
  const lines = text.split(/\r?\n/);
  let table: readonly string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const header = TABLE.exec(line);
    if (header !== null) table = partsOf(header[1] ?? "");
    const [, key, value = ""] = ASSIGNMENT.exec(line) ?? [];
    const values = valuesOf(value, lines.slice(at + 1));
    if (key !== undefined && values !== undefined)
      found.set([...table, ...partsOf(key)].join("."), values);
  }
  return found;
}

/** The strings of a value, which may go on in the lines that follow; undefined for other values. */
function valuesOf(value: string, more: readonly string[]): readonly string[] | undefined {
  return value.startsWith("[") ? listOf([value, ...more].join("\n")) : stringAt(value, 0)?.values;
}

function partsOf(key: string): readonly string[] {
  return (key.match(new RegExp(PART, "g")) ?? []).map((part) => part.replace(/^["']|["']$/g, ""));
}

/** The list that `text` begins with; undefined when something else than strings is in it. */
function listOf(text: string): readonly string[] | undefined {
  const values: string[] = [];
  let at = skip(text, 1);
  while (at < text.length && text[at] !== "]") {
    const item = stringAt(text, at);
    if (item === undefined) return undefined;
    values.push(...item.values);
    at = skip(text, item.end);
  }
  return at < text.length ? values : undefined;
}

/** The place after blanks, commas and comments. */
function skip(text: string, from: number): number {
  const between = /(?:[\s,]|#[^\n]*)*/y;
  between.lastIndex = from;
  between.exec(text);
  return between.lastIndex;
}

function stringAt(
  text: string,
  at: number,
): { readonly values: readonly string[]; readonly end: number } | undefined {
  STRING.lastIndex = at;
  const match = STRING.exec(text);
  if (match === null) return undefined;
  const [, basic, literal = ""] = match;
  return { values: [basic?.replace(/\\(["\\])/g, "$1") ?? literal], end: STRING.lastIndex };
}
