/** Small facts that hold until the next boot: a file in the data directory, with the boot's ID. */
import { type BigIntStats, lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isYoung, stampOf } from "../node/files";
import { isOurs, readPrivateFile, replacePrivateFile } from "../node/private-file";
import { reasonOf } from "../text/reason";

const MAX_BYTES = 256;

/** What was read, as the file was then. Such files are replaced, and never after they have said something. */
const read = new Map<string, { readonly stamp: string; readonly fact: string | undefined }>();

/** What was noted under `name` in this boot; undefined for anything odd. */
export function recallFact(dataDir: string, name: string): string | undefined {
  const path = join(dataDir, name);
  const stat = statOf(path);
  if (stat === undefined) return undefined;
  const [stamp, last] = [stampOf(stat), read.get(path)];
  if (last?.stamp === stamp) return last.fact;
  const fact = readFact(path);
  if (!isYoung(stat)) read.set(path, { stamp, fact });
  return fact;
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false, bigint: true });
  } catch {
    return undefined;
  }
}

function readFact(path: string): string | undefined {
  try {
    const bytes = readPrivateFile(path, MAX_BYTES, (stat) => {
      if (!stat.isFile() || !isOurs(stat)) throw new Error("not ours");
    });
    if (bytes.byteLength > MAX_BYTES) return undefined;
    const [boot, fact] = new TextDecoder().decode(bytes).trim().split(" ");
    return boot === bootId() ? fact : undefined;
  } catch {
    return undefined;
  }
}

/** Notes it for this boot. `what` is its name for people. Returns what went wrong, if anything. */
export function rememberFact(
  dataDir: string,
  name: string,
  { fact, what }: { fact: string; what: string },
): string | undefined {
  const path = join(dataDir, name);
  try {
    replacePrivateFile(`${path}.${process.pid}.tmp`, path, `${bootId()} ${fact}\n`);
    return undefined;
  } catch (error) {
    return `cannot remember ${what} in ${path}: ${reasonOf(error)}`;
  }
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
