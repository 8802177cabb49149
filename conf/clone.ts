import type { Json } from "../lib/ports";
import { isObject, isRawNumber } from "../lib/cni/json";

/** JSON that is still ours to change. */
export type MutableObject = Record<string, Json>;

/**
 * A deep copy without prototypes: own keys only, and none called `__proto__`, so that nothing in a
 * configuration can reach or shadow an inherited property. Depth is bounded by the parser.
 */
export function cloneJson(value: Json): Json {
  if (Array.isArray(value)) return value.map(cloneJson);
  if (!isObject(value)) return value;
  const copy = Object.create(null) as MutableObject;
  for (const [key, item] of Object.entries(value)) {
    if (key !== "__proto__") copy[key] = cloneJson(item);
  }
  return copy;
}

/** Freezes a value and everything in it; returns the same value. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || isRawNumber(value)) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}
