/** The runtime's configuration directory, and which of its files the runtime uses. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isConfName, isOurPlugin, pluginsOf } from "../../../conf/plugin-object";
import { CniError, toCniError } from "../../cni/error";
import { isObject, parseJson, type JsonObject } from "../../cni/json";
import { reasonOf } from "../../text/reason";

/** One file of the directory. */
export interface ConfFile {
  readonly name: string;
  /** Whether runtimes read a file of this name. */
  readonly active: boolean;
  /** undefined: `problem` says why. */
  readonly object: JsonObject | undefined;
  readonly problem: string | undefined;
  /** It has our plugin; of a file that cannot be parsed: it names our plugin. */
  readonly mine: boolean;
}

/** Bytes; a conflist has a few KiB. */
const MAX_BYTES = 1024 * 1024;

/**
 * The files of `dir` in the runtime's order (libcni, ConfFiles: by bytes of the name); none where it does
 * not exist. Throws CniError `io` when it cannot be read.
 */
export function readConfDir(dir: string): readonly ConfFile[] {
  let names: readonly string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === "ENOENT") return [];
    throw new CniError("io", `${dir} cannot be read: ${reason}`);
  }
  return [...names]
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .flatMap((name) => readConfFile(dir, name));
}

function readConfFile(dir: string, name: string): readonly ConfFile[] {
  const active = isConfName(name);
  const broken = (problem: string, mine: boolean): readonly ConfFile[] => [
    { name, active, object: undefined, problem, mine },
  ];
  let bytes: Uint8Array;
  try {
    const stat = statSync(join(dir, name));
    // A directory with such a name is passed over (libcni, ConfFiles).
    if (!stat.isFile()) return [];
    if (stat.size > MAX_BYTES) return broken(`is larger than ${MAX_BYTES} bytes`, false);
    bytes = readFileSync(join(dir, name));
  } catch (error) {
    return broken(`it cannot be read (${reasonOf(error)})`, false);
  }
  try {
    const object = parseJson(bytes, name);
    if (!isObject(object)) return broken("it is not a JSON object", false);
    return [
      { name, active, object, problem: undefined, mine: pluginsOf(object).some(isOurPlugin) },
    ];
  } catch (error) {
    const message = toCniError(error).message.replace(`${name}: `, "");
    return broken(message, Buffer.from(bytes).includes("tenant-routing-wrapper"));
  }
}

/** What the runtime makes of the directory. */
export interface ConfChoice {
  /** The first file; undefined: there is none. */
  readonly first: ConfFile | undefined;
  /** The one that is in use if the runtime takes the first that it can read. */
  readonly used: ConfFile | undefined;
  /** Those with our plugin that can be read, in order. */
  readonly ours: readonly ConfFile[];
  /** Files with our plugin under names that no runtime reads. */
  readonly aside: readonly ConfFile[];
}

/** Pure: which file counts. */
export function chooseConf(files: readonly ConfFile[]): ConfChoice {
  const active = files.filter((file) => file.active);
  const isUsable = ({ object }: ConfFile): boolean => object !== undefined;
  return {
    first: active[0],
    used: active.find(isUsable),
    ours: active.filter((file) => file.mine && isUsable(file)),
    aside: files.filter((file) => !file.active && file.mine && isUsable(file)),
  };
}
