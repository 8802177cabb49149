import { CniError } from "../lib/cni/error";
import { isObject, quote, type Json, type JsonObject } from "../lib/cni/json";
import type { Verb } from "../lib/cni/request";
import type { Draft } from "./draft";

/** One thing that is wrong with a configuration, and what to do about it. */
export interface Problem {
  /** Where the value is, or where the missing one belongs, as the keys from the top. */
  readonly path: readonly string[];
  /** Follows the pointer in a sentence: `is missing`, `is "x", which is not valid`. */
  readonly what: string;
  readonly hint: string;
  /** A key that the schema does not have; `meant` is the path it was probably meant for. */
  readonly unknown?: { readonly meant: readonly string[] | undefined };
  readonly missing?: true;
  /** What a verb that tolerates the problem leaves out, where that is not the value at `path`. */
  readonly drop?: readonly (readonly string[])[];
  /** Without this value no verb can go on, not even DEL. */
  readonly fatal?: true;
}

/** Messages longer than this move the list of problems into `details`. */
const MAX_MESSAGE = 700;
/** Problems beyond this number are only counted. */
const MAX_LISTED = 20;

/** The JSON pointer (RFC 6901) of a path, made safe for a message. */
export function pointerOf(path: readonly string[]): string {
  const pointer = path.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  return quote(pointer).slice(1, -1);
}

/** One problem as a sentence without its final stop: pointer, what is wrong, the remedy. */
export function problemText(problem: Problem): string {
  return `${pointerOf(problem.path)} ${problem.what}: ${problem.hint}`;
}

/**
 * All problems of a configuration as one error: `unsupportedField` when nothing but unknown keys
 * is wrong, else `invalidConfig`. The first problem is always in the message.
 */
export function problemsError(network: string | undefined, problems: readonly Problem[]): CniError {
  const all = withoutConsequences(problems);
  const kind = all.every((p) => p.unknown !== undefined) ? "unsupportedField" : "invalidConfig";
  const subject =
    network === undefined ? "network configuration" : `configuration of network ${quote(network)}`;
  const texts = all.map(problemText);
  const whole = `${subject}: ${texts.join("; ")}`;
  if (texts.length <= MAX_LISTED && whole.length <= MAX_MESSAGE) return new CniError(kind, whole);
  const message = `${subject}: ${texts[0] ?? ""} (the first of ${texts.length} problems, see the details)`;
  const listed = texts.slice(0, MAX_LISTED).map((text, i) => `${i + 1}) ${text}`);
  if (texts.length > MAX_LISTED) listed.push(`and ${texts.length - MAX_LISTED} more`);
  return new CniError(kind, message, { details: listed.join("; ") });
}

/** A mistyped key is also a missing one; reported twice, the typing error would hide behind it. */
export function withoutConsequences(problems: readonly Problem[]): readonly Problem[] {
  const meant = new Set(
    problems.flatMap((p) => (p.unknown?.meant === undefined ? [] : [pointerOf(p.unknown.meant)])),
  );
  return problems.filter((p) => p.missing !== true || !meant.has(pointerOf(p.path)));
}

export interface RuleInput {
  /** As it was written, whatever is wrong with it: tells a missing key from a refused one. */
  readonly raw: JsonObject;
  /** Only what satisfies the schema. */
  readonly draft: Draft;
  readonly verb: Verb;
}

/** Returns what is wrong, never throws, and does not repeat what the schema has refused. */
export type Rule = (input: RuleInput) => readonly Problem[];

const SECRET_KEY =
  /token|passw|secret|credential|private|bearer|(?:api|client|tls)[-_]?key|key[-_]?data/i;
const SECRET_VALUE = /-----BEGIN |\beyJ[\w-]{10,}\.|\bbearer /i;
const HIDDEN = "(hidden)";

/** A configuration value for a message: escaped, cut to 80 characters, credentials left out. */
export function showValue(path: readonly string[], value: Json | undefined): string {
  if (value === undefined) return "absent";
  const safe = withoutSecrets(path.at(-1) ?? "", value);
  if (safe === HIDDEN) return HIDDEN;
  if (typeof safe === "string") return quote(safe);
  return unquoted(JSON.stringify(safe));
}

/** The value at a path, or undefined. */
export function valueAt(root: Json, path: readonly string[]): Json | undefined {
  let at: Json | undefined = root;
  for (const key of path) {
    if (Array.isArray(at)) at = (at as readonly Json[])[Number(key)];
    else at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return at;
}

// JSON text has no control characters left; what quote() adds for ASCII are the escapes of its quotes.
function unquoted(json: string): string {
  return quote(json).slice(1, -1).replaceAll('\\"', '"').replaceAll("\\\\", "\\");
}

/** True for a line of a configuration that may hold a credential. */
export function mayHoldSecret(line: string): boolean {
  return SECRET_KEY.test(line) || SECRET_VALUE.test(line);
}

function withoutSecrets(key: string, value: Json): Json {
  if (SECRET_KEY.test(key)) return HIDDEN;
  if (typeof value === "string") return SECRET_VALUE.test(value) ? HIDDEN : value;
  if (Array.isArray(value)) return value.map((item: Json) => withoutSecrets("", item));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withoutSecrets(k, v)]));
}
