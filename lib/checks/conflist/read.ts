/** Pure: from the bytes of a file to a conflist whose places are known, or what keeps it from being one. */
import { pointerOf, mayHoldSecret } from "../../../conf/problem";
import { listedPlugins } from "../../cni/conflist";
import { type CniError, toCniError } from "../../cni/error";
import { decodeUtf8, isObject, own, parseJson, type Json, type JsonObject } from "../../cni/json";
import { jsonFault, placeOf } from "../../cni/json-fault";
import { jsonPlaces } from "../../cni/json-places";
import { findingOf, type Finding } from "../finding";
import { CONFLIST } from "../kinds/conflist";

/** A file that could be read. */
export interface ReadConflist {
  /** As it was named; `stdin`. */
  readonly file: string;
  readonly object: JsonObject;
  /** The plugin objects, in order; of a single plugin, that one. */
  readonly plugins: readonly JsonObject[];
  /** The line of a path, or of the nearest that is written above it; undefined: nothing of it is. */
  readonly lineOf: (path: readonly string[]) => number | undefined;
  /** The path of a plugin's own keys in the file. */
  readonly pathOf: (plugin: number) => readonly string[];
}

/** What was read, and what is wrong with the text; without a conflist nothing else can be judged. */
export interface Reading {
  readonly findings: readonly Finding[];
  readonly conflist: ReadConflist | undefined;
}

/** The longest piece of a line that is shown (columns). */
const EXCERPT = 60;

/** Reads the bytes of `file`. Never throws. */
export function readConflist(bytes: Uint8Array, file: string): Reading {
  let value: Json;
  let text: string;
  try {
    text = decodeUtf8(bytes, file);
    value = parseJson(bytes, file);
  } catch (error) {
    return { findings: [textFinding(bytes, file, toCniError(error))], conflist: undefined };
  }
  if (!isObject(value)) {
    const problem = "is not a JSON object";
    return {
      findings: [findingOf(CONFLIST, "no-conflist", { file, problem }, file)],
      conflist: undefined,
    };
  }
  const { at, duplicates } = jsonPlaces(text);
  const lineAt = (offset: number): number => placeOf(text, offset).line;
  const findings = duplicates.map(({ path, offsets }) =>
    findingOf(
      CONFLIST,
      "duplicate-key",
      { file, pointer: pointerOf(path), lines: offsets.map(lineAt) },
      pointerOf(path),
    ),
  );
  const lineOf = (path: readonly string[]): number | undefined => {
    const offset = at.get(JSON.stringify(path));
    if (offset !== undefined) return lineAt(offset);
    return path.length <= 1 ? undefined : lineOf(path.slice(0, -1));
  };
  return { findings, conflist: conflistOf(file, value, lineOf) };
}

function conflistOf(
  file: string,
  object: JsonObject,
  lineOf: ReadConflist["lineOf"],
): ReadConflist {
  const listed = listedPlugins(object);
  return {
    ...{ file, object, lineOf },
    plugins: listed ?? (own(object, "type") === undefined ? [] : [object]),
    pathOf: (plugin) => (listed === undefined ? [] : ["plugins", String(plugin)]),
  };
}

function textFinding(bytes: Uint8Array, file: string, { message }: CniError): Finding {
  if (Buffer.from(bytes.subarray(0, 3)).equals(Buffer.from([0xef, 0xbb, 0xbf])))
    return findingOf(CONFLIST, "byte-order-mark", { file }, file);
  if (!message.includes("is not valid JSON at"))
    return findingOf(CONFLIST, "text-unreadable", { file, problem: message }, file);
  const text = decodeUtf8(bytes, file);
  const fault = jsonFault(text);
  const excerpt = excerptOf(text.split("\n")[fault.line - 1] ?? "", fault.column);
  return findingOf(CONFLIST, "json-syntax", { file, ...fault, excerpt }, file);
}

/** The piece of a line around a column. */
function excerptOf(line: string, column: number): string {
  if (mayHoldSecret(line)) return "(the line is hidden, it may hold a credential)";
  const from = Math.max(0, Math.min(column - EXCERPT / 2, line.length - EXCERPT));
  const piece = line.slice(from, from + EXCERPT).trim();
  if (piece === "") return "(an empty line)";
  return `${from > 0 ? "..." : ""}${piece}${from + EXCERPT < line.length ? "..." : ""}`;
}
