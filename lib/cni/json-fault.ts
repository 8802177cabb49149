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

/** Line and column (both from 1, in UTF-16 units) of the first token that is out of place; `text` must not be JSON. */
export function faultPosition(text: string): string {
  const before = text.slice(0, faultOffset(text));
  const lineStart = before.lastIndexOf("\n") + 1;
  return `line ${before.split("\n").length}, column ${before.length - lineStart + 1}`;
}

/** Offset of the character after a string that starts at `start`; one more than the length when it does not end. */
export function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
  return i + 1;
}

function faultOffset(text: string): number {
  const open: Token[] = [];
  let state: State = "value";
  let at = skipSpace(text, 0);
  while (at < text.length) {
    const end = endOfToken(text, at);
    const token = tokenOf(text, at, end);
    const next: State | undefined = token === undefined ? undefined : advance(state, token, open);
    if (next === undefined) return at;
    state = next;
    at = skipSpace(text, end);
  }
  return text.length;
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
