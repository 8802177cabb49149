/**
 * Tells whether rules of ours have been added since: a value kept as the times of the file `generation`,
 * which whoever adds rules changes before and after.
 */
import { closeSync, constants, openSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";

/** The present generation (an opaque word); the same before the first change as without a directory. */
export function readGeneration(dataDir: string): string {
  const stat = statSync(join(dataDir, "generation"), { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? "none" : `${stat.atimeNs} ${stat.mtimeNs}`;
}

/** Makes every earlier generation out of date. Two processes that do so at once choose different ones. */
export function nextGeneration(dataDir: string): void {
  const path = join(dataDir, "generation");
  closeSync(
    openSync(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      0o600,
    ),
  );
  const chance = (): number => Math.floor(Math.random() * 2 ** 31);
  utimesSync(path, chance(), chance());
}
