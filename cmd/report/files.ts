/** Files of this node for a report: bounded, and links are not followed where others may put them. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
} from "node:fs";
import { join } from "node:path";
import { CniError } from "../../lib/cni/error";
import { parseJson } from "../../lib/cni/json";
import { scrubConflist, scrubOwn } from "../../lib/report/scrub";
import { reasonOf } from "../../lib/text/reason";

const MOST_BYTES = 4 * 1024 * 1024;
/** Records that are read, and files that are listed, at most. */
const MOST_FILES = 2000;

/** The end of a file, at most 4 MiB. Never waits for a FIFO. Throws CniError `io`. */
export function endOfFile(path: string): Buffer {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) throw new Error("it is not a regular file");
      const size = Math.min(stat.size, MOST_BYTES);
      const bytes = Buffer.alloc(size);
      const read = readSync(fd, bytes, 0, size, stat.size - size);
      return bytes.subarray(0, read);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw new CniError("io", `${path} cannot be read: ${reasonOf(error)}`);
  }
}

/** The conflists of a directory without what may be a secret; other files by name only, kubeconfigs among them. */
export function conflistsIn(dir: string): readonly (readonly [name: string, text: string])[] {
  return namesIn(dir)
    .filter((name) => /\.(conf|conflist|json)$/.test(name))
    .map((name) => [name, conflistText(join(dir, name))]);
}

/** One conflist; for one that cannot be parsed, where its fault is. */
export function conflistText(path: string): string {
  try {
    return pretty(scrubConflist(parseJson(endOfFile(path), path)));
  } catch (thrown) {
    return `not shown: ${(thrown as Error).message}\n`;
  }
}

/** All records of the journal as one text; of one that cannot be read, why. */
export function journalText(dir: string): string {
  const records = namesIn(dir)
    .filter((name) => name.endsWith(".json"))
    .map((name) => {
      try {
        return [name, scrubOwn(parseJson(endOfFile(join(dir, name)), name))];
      } catch (thrown) {
        return [name, (thrown as Error).message];
      }
    });
  return pretty(Object.fromEntries(records));
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Mode, owner, size, time and name of each file below a directory; never what is in them. */
export function listing(path: string): string {
  const lines = [lineOf(path)];
  for (const name of namesBelow(path)) lines.push(lineOf(join(path, name)));
  return `${lines.join("\n")}\n`;
}

function lineOf(path: string): string {
  try {
    const { mode, uid, gid, size, mtime } = lstatSync(path);
    return `${mode.toString(8).padStart(6, "0")} ${uid}:${gid} ${size} ${mtime.toISOString()} ${path}`;
  } catch (error) {
    return `? ${path} ${reasonOf(error)}`;
  }
}

function namesBelow(path: string): readonly string[] {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(path, { recursive: true, encoding: "utf8" }).sort().slice(0, MOST_FILES);
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).sort().slice(0, MOST_FILES);
  } catch (error) {
    throw new CniError("io", `${dir} cannot be read: ${reasonOf(error)}`);
  }
}
