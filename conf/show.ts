import type { Json } from "../lib/ports";
import { isObject, quote } from "../lib/cni/json";

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

function withoutSecrets(key: string, value: Json): Json {
  if (SECRET_KEY.test(key)) return HIDDEN;
  if (typeof value === "string") return SECRET_VALUE.test(value) ? HIDDEN : value;
  if (Array.isArray(value)) return value.map((item: Json) => withoutSecrets("", item));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withoutSecrets(k, v)]));
}
