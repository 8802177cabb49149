import { CniError } from "./error";
import { endOfString, jsonFault } from "./json-fault";

/** A JSON object as parsed here: own keys only, never trusted for its prototype. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}
/** Input larger than this is refused before it is parsed: a netconf with its prevResult is a few KiB. */
export const MAX_INPUT_BYTES = 8 * 1024 * 1024;
/** The limit of a result, checked when it is read. */
export const MAX_RESULT_BYTES = 4 * 1024 * 1024;
/** The limit of an ADD's netconf: the DEL gets the result and its key too, and must still fit. */
export const MAX_NETCONF_BYTES = MAX_INPUT_BYTES - MAX_RESULT_BYTES - 1024;
/** Deeper nesting is refused, so that no later recursion can exhaust the stack. */
const MAX_DEPTH = 100;

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Numbers that a double cannot carry unchanged; they keep their source text (`JSON.rawJSON`). With what ends a number:
 * else each time of day in a text (`:41.382Z"`) would have it parsed the slow way.
 */
const UNSAFE_NUMBER = /[:[,\s]-?(?:[0-9]{16}|[0-9]{0,15}[.eE])[0-9.eE+-]*(?:[\s,\]}]|$)/;

interface RawJsonApi {
  rawJSON(text: string): JsonObject;
  isRawJSON(value: unknown): boolean;
}
const raw = JSON as unknown as RawJsonApi;

/** True for a number kept as its source text; it is opaque, and must be passed on, not copied. */
export function isRawNumber(value: unknown): boolean {
  return raw.isRawJSON(value);
}

/**
 * Parses one JSON document strictly: valid UTF-8, at most `limit` bytes, bounded depth, integers
 * beyond 2^53 kept exactly. Keys are case-sensitive; of duplicate keys the last one counts.
 * `what` names the input in the message, which never quotes it. Throws CniError `decode`.
 */
export function parseJson(bytes: Uint8Array, what: string, limit: number = MAX_INPUT_BYTES): Json {
  if (bytes.byteLength > limit)
    throw new CniError("decode", `${what} is larger than ${limit} bytes: refusing to read it`);
  const text = decodeUtf8(bytes, what);
  if (text.trim() === "")
    throw new CniError("decode", `${what} is empty: expected one JSON object`);
  if (isTooDeep(text)) {
    throw new CniError(
      "decode",
      `${what} is nested deeper than ${MAX_DEPTH} levels: refusing to read it`,
    );
  }
  try {
    return (UNSAFE_NUMBER.test(text) ? JSON.parse(text, keepExact) : JSON.parse(text)) as Json;
  } catch {
    const { line, column, problem, remedy } = jsonFault(text);
    throw new CniError(
      "decode",
      `${what} is not valid JSON at line ${line}, column ${column}: ${problem}: ${remedy}`,
    );
  }
}

/** True for a JSON object, as opposed to null, an array, a scalar or an exact number. */
export function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value)
  );
}

/** An own property, never one from the prototype. */
export function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Quotes untrusted text for a message: escaped, non-ASCII included, at most 80 characters. */
export function quote(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  const short = text.length > 80 ? `${text.slice(0, 80)}...` : text;
  return JSON.stringify(short).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The text of `bytes`, a byte-order mark included. Throws CniError `decode`. */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch (error) {
    throw new CniError("decode", `${what} is not valid UTF-8`, { cause: error });
  }
}

function keepExact(
  this: unknown,
  _key: string,
  value: unknown,
  context?: { source?: string },
): unknown {
  const source = context?.source;
  if (typeof value !== "number" || source === undefined || String(value) === source) return value;
  return raw.rawJSON(source);
}

// Most texts have too few brackets to be nested so deep, and to count those takes no look at each character.
function isTooDeep(text: string): boolean {
  return hasMore(text, ["{", "["], MAX_DEPTH) && isNestedTooDeep(text);
}

function hasMore(text: string, brackets: readonly string[], most: number): boolean {
  let count = 0;
  for (const bracket of brackets)
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if (++count > most) return true;
  return false;
}

// A hand-written scan: linear in time and space for every input, as no regular expression would be.
function isNestedTooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') i = endOfString(text, i) - 1;
    else if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}
