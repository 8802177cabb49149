import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Creates a directory and what is missing above it. Not mkdir's own `recursive`: below a place where
 * nothing can be created, such as /proc, that one retries for ever. Throws the first errno.
 */
export function makeDirectory(path: string, mode: number): void {
  if (tryMake(path, mode)) return;
  makeDirectory(dirname(path), mode);
  mkdirSync(path, { mode });
}

// True when it exists now; false when its parent has to be made first.
function tryMake(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return true;
    if (code === "ENOENT" && dirname(path) !== path) return false;
    throw error;
  }
}
