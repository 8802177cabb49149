/** Small facts that hold until the next boot: a file in the data directory, with the boot's ID. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isOurs, readPrivateFile, replacePrivateFile } from "../node/private-file";
import { reasonOf } from "../text/reason";

const MAX_BYTES = 256;

/** What was noted under `name` in this boot; undefined for anything odd. */
export function recallFact(dataDir: string, name: string): string | undefined {
  try {
    const bytes = readPrivateFile(join(dataDir, name), MAX_BYTES, (stat) => {
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
