/**
 * Tells whether any rule of ours has changed since: a number kept as the modification time of the
 * lock file, which every change moves forward before it is made. Read and moved under the lock.
 */
import { statSync, utimesSync } from "node:fs";
import { join } from "node:path";

/** The present generation (an opaque number). */
export function readGeneration(dataDir: string): number {
  return statSync(join(dataDir, "lock")).mtimeMs;
}

/** Makes every earlier generation out of date. */
export function nextGeneration(dataDir: string): void {
  const next = (Math.max(readGeneration(dataDir) + 1, Date.now()) + 1) / 1000;
  try {
    utimesSync(join(dataDir, "lock"), next, next);
  } catch (error) {
    // No ADD gets past its intent on a disk that has become read-only, so no listing can be out of date: DEL must go on.
    if ((error as NodeJS.ErrnoException).code !== "EROFS") throw error;
  }
}
