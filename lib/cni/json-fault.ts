/**
 * Finds where a text stops being JSON. Our own scan, used only for the error: the engine's message
 * quotes the text, which may hold a credential, and often gives no position.
 */

type Token = "{" | "}" | "[" | "]" | ":" | "," | "string" | "scalar";
type State = "value" | "first value" | "key" | "first key" | "colon" | "after";

const VALUE = { "{": "first key", "[": "first value", string: "after", scalar: "after" } as const;
/** RFC 8259, sections 2, 4 and 5: what may follow. Whether a comma or a closing bracket may follow depends on what is open. */
const GRAMMAR: Readonly<Record<State, Partial<Record<Token, State>>>> = {
  value: VALUE,
  "first value": { ...VALUE, "]": "after" },
  key: { string: "colon" },
  "first key": { string: "colon", "}": "after" },
  colon: { ":": "value" },
  after: { "}": "after", "]": "after" },
};
const OPENER: Partial<Record<Token, Token>> = { "}": "{", "]": "[" };
const PUNCTUATION = "{}[]:,";

/** Where a text stops being JSON, and what stands there. */
export interface JsonFault {
  /** Both from 1; the column in UTF-16 units. */
  readonly line: number;
  readonly column: number;
  /** A few words, without anything of the text. */
  readonly problem: string;
  /** Begins with a verb. */
  readonly remedy: string;
}

/** The first fault of `text`, which must not be JSON. A comma too many is where the comma is. */
export function jsonFault(text: string): JsonFault {
  const found = scan(text);
  const kind = KINDS.find(({ fits }) => fits(found, text)) ?? OTHER;
  return { ...placeOf(text, kind.at?.(found, text) ?? found.at), ...kind.texts(found) };
}

/** Line and column of an offset, both from 1. */
export function placeOf(
  text: string,
  offset: number,
): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") };
}

/** Offset of the character after a string that starts at `start`; one more than the length when it does not end. */
export function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i + 1;
}

/** What the scan knew where it ended. */
interface Scan {
  readonly at: number;
  readonly state: State;
  /** What is open, the outermost first. */
  readonly open: readonly Token[];
  /** End of the last token that was in place. */
  readonly behind: number;
}

function scan(text: string): Scan {
  const open: Token[] = [];
  let state: State = "value";
  let behind = 0;
  let at = skipSpace(text, 0);
  while (at < text.length) {
    const end = endOfToken(text, at);
    const token = tokenOf(text, at, end);
    const before = [...open];
    const next: State | undefined = token === undefined ? undefined : advance(state, token, open);
    if (next === undefined) return { at, state, open: before, behind };
    state = next;
    behind = end;
    at = skipSpace(text, end);
  }
  return { at: text.length, state, open, behind };
}

/** One way in which people's files stop being JSON. */
interface FaultKind {
  readonly fits: (scan: Scan, text: string) => boolean;
  /** Where it is, when that is not where the scan ended. */
  readonly at?: (scan: Scan, text: string) => number;
  readonly texts: (scan: Scan) => Pick<JsonFault, "problem" | "remedy">;
}

const OTHER: FaultKind = {
  fits: () => true,
  texts: ({ state }) => ({
    problem: `a character that cannot stand where ${EXPECTED[state]} is expected`,
    remedy: "correct it there",
  }),
};
const EXPECTED: Readonly<Record<State, string>> = {
  value: "a value",
  "first value": 'a value or "]"',
  key: "a key in double quotes",
  "first key": 'a key in double quotes or "}"',
  colon: 'a ":"',
  after: 'a "," or a closing bracket',
};
const CLOSER: Partial<Record<Token, string>> = { "{": "}", "[": "]" };

/** The first that fits counts. */
const KINDS: readonly FaultKind[] = [
  kind(
    ({ at }, text) => text[at] === "\ufeff",
    "a byte-order mark",
    "save the file as UTF-8 without one: sed -i '1s/^\\xEF\\xBB\\xBF//' FILE",
  ),
  kind(
    ({ at }, text) => /^(?:\/[/*]|#)/.test(text.slice(at, at + 2)),
    "a comment, which JSON does not have",
    "delete the comment",
  ),
  {
    // A comma is the last thing that was in place, and what it announced does not come.
    ...kind(
      ({ at, behind }, text) =>
        text[behind - 1] === "," && at < text.length && "}]".includes(text.charAt(at)),
      "a comma that nothing follows",
      "delete that comma",
    ),
    at: ({ behind }) => behind - 1,
  },
  {
    fits: ({ at }, text) => at === text.length,
    texts: ({ open }) => ({
      problem: "the end of the file, although not everything is closed",
      remedy: `add ${
        open
          .toReversed()
          .map((each) => CLOSER[each])
          .join(" ") || "what is missing"
      } at the end, or close it where it belongs`,
    }),
  },
  kind(({ at }, text) => text[at] === "'", "a single quote", "write double quotes"),
  kind(
    ({ at }, text) => text[at] === '"' && isOpenString(text, at),
    "a text that does not end on its line",
    "put the double quote that is missing at its end",
  ),
  kind(
    ({ at, state, open }, text) => state === "after" && open.length > 0 && startsValue(text, at),
    "a comma is missing before it (or a double quote further up)",
    "put the comma between the two",
  ),
  kind(
    ({ at, state }, text) => state.endsWith("key") && /[\w$]/.test(text.charAt(at)),
    "a key without its double quote",
    "put double quotes around the key",
  ),
  kind(
    ({ at, state }, text) => state.endsWith("value") && /[A-Za-z_]/.test(text.charAt(at)),
    "a text without its double quotes",
    "put double quotes around it; what is no text is true, false, null or a number",
  ),
  kind(
    ({ at, state }, text) => state === "colon" && /[\w/.-]/.test(text.charAt(at)),
    'a text where a ":" is expected',
    "put the double quote that is missing at the end of the key before it",
  ),
  kind(
    ({ state, open }) => state === "after" && open.length === 0,
    "more text behind the end of the object",
    "delete what is behind the last closing bracket, or remove a closing bracket too many",
  ),
];

function kind(fits: FaultKind["fits"], problem: string, remedy: string): FaultKind {
  return { fits, texts: () => ({ problem, remedy }) };
}

function isOpenString(text: string, at: number): boolean {
  const end = endOfString(text, at);
  return end > text.length || text.slice(at, end).includes("\n");
}

function startsValue(text: string, at: number): boolean {
  return /["{[\w-]/.test(text.charAt(at));
}

/** The state after `token`, undefined when it cannot stand there; keeps `open` up to date. */
function advance(state: State, token: Token, open: Token[]): State | undefined {
  const innermost = open.at(-1);
  if (token === "{" || token === "[") open.push(token);
  const opener = OPENER[token];
  if (opener !== undefined && open.pop() !== opener) return undefined;
  if (token !== "," || state !== "after") return GRAMMAR[state][token];
  if (innermost === undefined) return undefined;
  return innermost === "{" ? "key" : "value";
}

function tokenOf(text: string, at: number, end: number): Token | undefined {
  const first = text.charAt(at);
  if (PUNCTUATION.includes(first)) return first as Token;
  try {
    JSON.parse(text.slice(at, end));
    return first === '"' ? "string" : "scalar";
  } catch {
    return undefined;
  }
}

function endOfToken(text: string, at: number): number {
  const first = text.charAt(at);
  if (PUNCTUATION.includes(first)) return at + 1;
  if (first === '"') return endOfString(text, at);
  let end = at;
  while (end < text.length && !`${PUNCTUATION}" \t\n\r`.includes(text.charAt(end))) end++;
  return end;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \t\n\r".includes(text.charAt(at))) at++;
  return at;
}
