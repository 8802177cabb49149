/** The watcher's status for others to read. */
import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { CniError } from "../cni/error";
import { reasonOf } from "../reason";

/** Replaces the file at once, so that no reader ever sees half of it; everybody may read it. Throws CniError `io`. */
export function writeStatusFile(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    rmSync(temporary, { force: true });
    writeFileSync(temporary, text, { flag: "wx" });
    chmodSync(temporary, 0o644);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new CniError(
      "io",
      `the status file ${path} cannot be written (${reasonOf(error)}): see "statusFile" in "routes": {"watch": {}}`,
    );
  }
}

/** Takes it away; one that is gone already is fine. */
export function removeStatusFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A read-only place by now: nothing was to be left there anyway.
  }
}
