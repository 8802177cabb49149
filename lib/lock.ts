/**
 * Mutual exclusion between wrapper processes: SQLite's exclusive file lock (node:sqlite), which the
 * kernel releases when its holder dies, kill -9 included. Measured at 0.3 ms; flock(1) costs 2.4 ms.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "./cni/error";
import type { Lock } from "./ports";

const POLL_MS = 3;
/** SQLite's SQLITE_BUSY primary result code. */
const BUSY = 5;

/** The lock file in `dir`, which exists and is ours alone. Waiting does not block the event loop. */
export function createLock(dir: string): Lock {
  const path = join(dir, "lock");
  return {
    async hold(timeoutMs, body) {
      refuseForeign(path);
      const { DatabaseSync } = await import("node:sqlite");
      const deadline = performance.now() + timeoutMs;
      const database = open(() => new DatabaseSync(path), path);
      try {
        while (!tryLock(database, path)) {
          if (performance.now() > deadline) throw busy(path, timeoutMs);
          await new Promise((resolve) => setTimeout(resolve, POLL_MS * (1 + Math.random())));
        }
        return await body();
      } finally {
        database.close();
      }
    },
  };
}

interface Database {
  exec(sql: string): void;
  close(): void;
}

function tryLock(database: Database, path: string): boolean {
  try {
    database.exec("PRAGMA journal_mode=OFF; BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === BUSY) return false;
    throw unusable(path, error);
  }
}

function open(body: () => Database, path: string): Database {
  try {
    return body();
  } catch (error) {
    throw unusable(path, error);
  }
}

function refuseForeign(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  const ours = stat.uid === 0 || stat.uid === process.geteuid?.();
  if (stat.isFile() && stat.nlink === 1 && ours) return;
  throw unusable(path, new Error("it is not a plain file of ours"));
}

function busy(path: string, timeoutMs: number): CniError {
  return new CniError(
    "tryAgainLater",
    `the lock ${path} stayed busy for ${timeoutMs} ms: another wrapper process is at work or stopped (see "fuser ${path}")`,
  );
}

function unusable(path: string, cause: unknown): CniError {
  return new CniError("journal", `the lock ${path} cannot be used: ${(cause as Error).message}; see "dataDir" in the conflist`, { cause });
}
