/** From the validator's errors to problems that an operator can act on. */
import type { JsonObject } from "../lib/cni/json";
import { type Problem, showValue, valueAt } from "./problem";
import { ownProperties, schemaAt } from "./schema/plugin";
import type { SchemaError } from "./validate.generated";

/** Settings that people put beside `delegate` instead of inside it. */
const DELEGATE_KEYS = [
  "ipam",
  "mtu",
  "bridge",
  "isGateway",
  "isDefaultGateway",
  "forceAddress",
  "hairpinMode",
  "promiscMode",
  "vlan",
  "master",
];

/** The keys from the top to the value that an error is about; for a missing key, to where it belongs. */
export function errorPath(error: SchemaError): readonly string[] {
  const path = parsePointer(error.instancePath);
  const { additionalProperty, missingProperty } = error.params;
  const key =
    additionalProperty ?? missingProperty ?? error.params.propertyName ?? error.propertyName;
  return key === undefined ? path : [...path, key];
}

/** One problem per error, with the value as it was written. */
export function schemaProblems(
  errors: readonly SchemaError[],
  raw: JsonObject,
): readonly Problem[] {
  // An error inside propertyNames comes twice; the outer one names the key.
  return errors.filter((e) => e.propertyName === undefined).map((e) => schemaProblem(e, raw));
}

function schemaProblem(error: SchemaError, raw: JsonObject): Problem {
  const path = errorPath(error);
  const value = showValue(path, valueAt(raw, path));
  const hint = schemaAt(path)?.errorMessage ?? "see the configuration reference in the README";
  switch (error.keyword) {
    case "additionalProperties":
      return unknownKey(path, value);
    case "required":
      return { path, what: "is missing", hint, missing: true };
    case "dependencies":
      return {
        path,
        what: `is missing, which "${error.params.property ?? ""}" needs`,
        hint,
        missing: true,
      };
    case "propertyNames":
      return { path, what: "is not a usable name", hint: namesHint(path) };
    case "uniqueItems":
      return { path, what: `is ${value}, which has an item twice`, hint: "write every item once" };
    case "type":
      return {
        path,
        what: `is ${value}, not of type ${[error.params.type].flat().join(" or ")}`,
        hint,
      };
    default:
      return { path, what: `is ${value}, which is not valid`, hint };
  }
}

function namesHint(path: readonly string[]): string {
  return schemaAt(path.slice(0, -1))?.propertyNames?.errorMessage ?? "use another name";
}

function unknownKey(path: readonly string[], value: string): Problem {
  const parent = path.slice(0, -1);
  const key = path.at(-1) ?? "";
  const known = Object.keys(schemaAt(parent)?.properties ?? {});
  const near = closest(key, known);
  const meant = near === undefined ? undefined : [...parent, near];
  const what = `is an unknown key with value ${value}`;
  if (near !== undefined)
    return { path, what, hint: `did you mean "${near}"?`, unknown: { meant } };
  const hint =
    parent.length === 0 && DELEGATE_KEYS.includes(key)
      ? `it is a setting of the delegate, put it inside "delegate"`
      : `remove it; known here are ${known.filter((k) => parent.length > 0 || k in ownProperties).join(", ")}`;
  return { path, what, hint, unknown: { meant } };
}

function parsePointer(pointer: string): readonly string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A longer word is no mistyped key, and would cost quadratic time (characters). */
const MAX_LENGTH = 64;

/**
 * The known word that `word` was probably meant to be: at most a third of its letters differ, upper
 * and lower case taken as equal. Undefined when none is near.
 */
export function closest(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    // No distance is less than the difference of the lengths.
    if (Math.abs(word.length - candidate.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and replacements of one character. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
