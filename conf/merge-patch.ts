import { isObject, type Json, type JsonObject } from "../lib/cni/json";

/**
 * JSON merge patch (RFC 7396). Neither argument is changed; objects of the answer have no prototype,
 * and a key called `__proto__` is left out on both sides.
 */
export function mergePatch(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged = Object.create(null) as Record<string, Json>;
  const base: JsonObject = isObject(target) ? target : {};
  for (const [key, value] of Object.entries(base)) {
    if (key !== "__proto__") merged[key] = value;
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key === "__proto__") continue;
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key] ?? null, value);
  }
  return merged;
}
