/** Where keys and values are in a text that is JSON, for messages. Our own scan: the engine's parser does not say. */

/** What the scan finds. */
export interface JsonPlaces {
  /** Offset of each key, and of each item of a list, by its path as a JSON text: `["plugins","0","type"]`. */
  readonly at: ReadonlyMap<string, number>;
  /** Keys that their object has more than once: the path, and the offsets of all of them. */
  readonly duplicates: readonly Duplicate[];
}

interface Duplicate {
  readonly path: readonly string[];
  readonly offsets: readonly number[];
}

interface Level {
  readonly path: readonly string[];
  /** Offsets by key; undefined in a list. */
  readonly keys: Map<string, number[]> | undefined;
  /** The key or index that the next value belongs to. */
  now: string;
  /** Whether the next string is a key. */
  isKey: boolean;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/** Scans `text`, which must be JSON. */
export function jsonPlaces(text: string): JsonPlaces {
  const at = new Map<string, number>();
  const duplicates: Duplicate[] = [];
  const levels: Level[] = [];
  const step: Readonly<Record<string, (level: Level | undefined, offset: number) => void>> = {
    "{": (level) => levels.push(levelIn(level, true)),
    "[": (level, offset) => {
      const list = levelIn(level, false);
      levels.push(list);
      at.set(JSON.stringify([...list.path, "0"]), skipBlank(text, offset + 1));
    },
    "}": (level) => {
      levels.pop();
      duplicates.push(...repeated(level));
    },
    "]": () => levels.pop(),
    ",": (level, offset) => {
      if (level !== undefined) goOn(level, at, skipBlank(text, offset + 1));
    },
    ":": (level) => {
      if (level !== undefined) level.isKey = false;
    },
  };
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const level = levels.at(-1);
    const act = step[token];
    if (act !== undefined) act(level, index);
    else if (level?.isKey === true) noteKey(level, JSON.parse(token) as string, index, at);
  }
  return { at, duplicates };
}

function levelIn(outer: Level | undefined, isObject: boolean): Level {
  const path = outer === undefined ? [] : [...outer.path, outer.now];
  return { path, keys: isObject ? new Map() : undefined, now: "0", isKey: isObject };
}

/** To the next key or item. */
function goOn(level: Level, at: Map<string, number>, offset: number): void {
  level.isKey = level.keys !== undefined;
  if (level.isKey) return;
  level.now = String(Number(level.now) + 1);
  at.set(JSON.stringify([...level.path, level.now]), offset);
}

function noteKey(level: Level, key: string, offset: number, at: Map<string, number>): void {
  level.now = key;
  at.set(JSON.stringify([...level.path, key]), offset);
  level.keys?.set(key, [...(level.keys.get(key) ?? []), offset]);
}

function repeated(level: Level | undefined): readonly Duplicate[] {
  return [...(level?.keys ?? [])]
    .filter(([, offsets]) => offsets.length > 1)
    .map(([key, offsets]) => ({ path: [...(level?.path ?? []), key], offsets }));
}

function skipBlank(text: string, from: number): number {
  let at = from;
  while (at < text.length && " \t\n\r".includes(text.charAt(at))) at++;
  return at;
}
