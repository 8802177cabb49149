/** Replaces a file as a whole: readers see the old text or the new one. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeDirectory } from "./files";
import { temporaryOf } from "../routes/changes/changes";

/**
 * Only one process may do it at a time. Makes the directory if need be. Throws the first errno,
 * and leaves no half-written file then.
 */
export function replaceFile(
  path: string,
  text: string,
  modes: { readonly file: number; readonly directory: number },
): void {
  const temporary = temporaryOf(path);
  try {
    makeDirectory(dirname(path), modes.directory);
    // Of a writer that was killed; it might be a link.
    rmSync(temporary, { force: true });
    writeFileSync(temporary, text, { mode: modes.file, flag: "wx" });
    renameSync(temporary, path);
  } catch (error) {
    discard(temporary);
    throw error;
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // What kept it from being written keeps it from being removed: the first error tells more.
  }
}
