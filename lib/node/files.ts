import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { CniError } from "../cni/error";
import { reasonOf } from "../text/reason";

/** Longer than the kernel's clock for files stands still (ms). */
const TOO_YOUNG_MS = 100;

/** Which file it is, in which state; the same text after any change but one right after the last. */
export function stampOf({ dev, ino, size, mtimeNs, ctimeNs, mode, uid }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs, mode, uid].join(" ");
}

/** Whether it may change again without another stamp, because its last change is not long ago. */
export function isYoung({ ctimeMs }: Pick<BigIntStats, "ctimeMs">): boolean {
  return Date.now() - Number(ctimeMs) < TOO_YOUNG_MS;
}

/**
 * Creates a directory and what is missing above it. Not mkdir's own `recursive`: below a place
 * where nothing can be created, such as /proc, that one retries for ever. Throws the first errno.
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

/**
 * Replaces a file as a whole: readers see the old text or the new one. Only one process may do it
 * at a time. Makes the directory if need be. When it throws, with the first errno, no half-written
 * file is left.
 */
export function replaceFile(
  path: string,
  text: string,
  modes: { readonly file: number; readonly directory: number },
): void {
  makeDirectory(dirname(path), modes.directory);
  replaceBy(temporaryOf(path), path, text, modes.file);
}

/**
 * Where a file is written before it takes the place of the old one. iproute2 reads only names that
 * end in .conf.
 */
export function temporaryOf(path: string): string {
  return `${path}.tmp`;
}

function replaceBy(temporary: string, path: string, text: string, mode: number): void {
  try {
    // A writer that was killed left it; it might be a link.
    rmSync(temporary, { force: true });
    writeFileSync(temporary, text, { mode, flag: "wx" });
    // Whatever the umask is.
    chmodSync(temporary, mode);
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
    // The cause is that of the first error, which says more.
  }
}

/**
 * Writes the watcher's status, as a whole and readable by everybody. Several processes may be asked
 * to write to one path, so each has a temporary file of its own. Throws CniError `io`.
 */
export function writeStatusFile(path: string, text: string): void {
  try {
    replaceBy(`${path}.${process.pid}.tmp`, path, text, 0o644);
  } catch (error) {
    throw new CniError(
      "io",
      `the status file ${path} cannot be written (${reasonOf(error)}): see "statusFile" in "routes": {"watch": {}}`,
    );
  }
}

/** Removes the status; it may be gone already. */
export function removeStatusFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The place has become read-only: the watcher's end must not fail because of that.
  }
}

/**
 * Sets the times of a file that is made if need be, mode 0600. A link is not followed, and a FIFO does
 * not hang us. Throws the first errno.
 */
export function touchFile(path: string, accessed: Date | number, modified: Date | number): void {
  closeSync(
    openSync(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      0o600,
    ),
  );
  utimesSync(path, accessed, modified);
}
