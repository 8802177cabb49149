import { isObject, own, type Json, type JsonObject } from "../../../cni/json";
import { isMirror } from "../../pod-identity";

/** What the cache keeps of a pod or namespace. */
export interface Seen {
  /** "" for a namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Whether it stands for a static pod, whose UID the runtime does not know. */
  readonly mirror: boolean;
  /** Those that are kept; undefined: they are too long to be kept or cannot be read, and only a GET tells. */
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

/** Annotations longer than this, key and values together, are not kept: their owner must not fill our memory. */
const MAX_KEPT = 4096;
const NONE: Readonly<Record<string, string>> = Object.freeze(
  Object.create(null) as Record<string, string>,
);

/** Which annotations are kept; undefined: all. */
export type Keys = ReadonlySet<string> | undefined;

/** Reads one object of a list or event. Throws Error where it has no name or no UID. */
export function readSeen(object: JsonObject, keys: Keys): Seen {
  const metadata = own(object, "metadata");
  const [name, uid] = isObject(metadata) ? [own(metadata, "name"), own(metadata, "uid")] : [];
  if (!isObject(metadata) || typeof name !== "string" || typeof uid !== "string")
    throw new Error("an object has no name or no UID");
  const namespace = own(metadata, "namespace");
  const all = own(metadata, "annotations") ?? {};
  return {
    namespace: typeof namespace === "string" ? namespace : "",
    name,
    uid,
    mirror: isObject(all) && isMirror(all),
    annotations: isObject(all) ? keepAnnotations(all, keys) : undefined,
  };
}

/** Those of `all` that are kept, without prototype; undefined where they cannot be kept as they are. */
export function keepAnnotations(
  all: Readonly<Record<string, Json>>,
  keys: Keys,
): Readonly<Record<string, string>> | undefined {
  let kept: Record<string, string> | undefined;
  let size = 0;
  for (const key of keys ?? Object.keys(all)) {
    if (!Object.hasOwn(all, key)) continue;
    const value = all[key];
    if (typeof value !== "string") return undefined;
    size += key.length + value.length;
    if (size > MAX_KEPT) return undefined;
    kept ??= Object.create(null) as Record<string, string>;
    kept[key] = value;
  }
  return kept ?? NONE;
}

/** Whether both carry the same annotations. What cannot be kept is never the same as anything. */
export function sameAnnotations(one: Seen["annotations"], other: Seen["annotations"]): boolean {
  if (one === undefined || other === undefined) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
