/** Small facts that hold until the next boot: a file in the data directory, with the boot's ID. */
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isOurs, readPrivateFile, replacePrivateFile } from "../node/private-file";
import { reasonOf } from "../text/reason";

const MAX_BYTES = 256;

/** What was read, as the file was then. Such files are replaced, and never after they have said something. */
const read = new Map<string, { readonly stamp: string; readonly fact: string | undefined }>();
/** Longer than the kernel's clock for files stands still (ms). */
const TOO_YOUNG_MS = 100;

/** What was noted under `name` in this boot; undefined for anything odd. */
export function recallFact(dataDir: string, name: string): string | undefined {
  const path = join(dataDir, name);
  const stamp = stampOf(path);
  if (stamp === undefined) return undefined;
  const last = read.get(path);
  if (last?.stamp === stamp.text) return last.fact;
  const fact = readFact(path);
  if (stamp.isOld) read.set(path, { stamp: stamp.text, fact });
  return fact;
}

function stampOf(path: string): { readonly text: string; readonly isOld: boolean } | undefined {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    const { dev, ino, size, mtimeMs, ctimeMs, mode, uid } = stat;
    const text = [dev, ino, size, mtimeMs, ctimeMs, mode, uid].join(" ");
    return { text, isOld: Date.now() - ctimeMs > TOO_YOUNG_MS };
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
