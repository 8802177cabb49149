import { statSync } from "node:fs";
import { touchFile } from "./files";

/**
 * Returns true once in `everyMs` to one of all processes that ask with the same file. The file's
 * modification time is the last time it was true. Throws the errno of a file that cannot be made.
 */
export function isDue(path: string, everyMs: number, now: Date): boolean {
  const last = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  // A clock that was set back must not delay the next time.
  if (last !== undefined && last <= now.getTime() && now.getTime() - last < everyMs) return false;
  touchFile(path, now, now);
  return true;
}
