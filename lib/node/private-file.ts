/** Small files of ours that nobody else should touch, and may have touched all the same. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  type Stats,
} from "node:fs";

const CHUNK = 16 * 1024;

/**
 * The bytes of a file; of a longer one the first that are more than `limit`, so that it is recognised.
 * A link is not followed (ELOOP), and a FIFO does not hang us: `check` sees what was opened, and throws
 * if it is not to be read. Throws the errno of whatever fails.
 */
export function readPrivateFile(
  path: string,
  limit: number,
  check: (stat: Stats) => void,
): Uint8Array {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    // Replaced or removed since it was opened; what is there now is what counts.
    if (stat.isFile() && stat.nlink === 0) return readPrivateFile(path, limit, check);
    check(stat);
    return readBounded(fd, limit, stat.size);
  } finally {
    closeSync(fd);
  }
}

function readBounded(fd: number, limit: number, size: number): Uint8Array {
  const chunks: Buffer[] = [];
  for (let total = 0; total <= limit;) {
    // One piece, and the end: a file in use may be longer than it was.
    const chunk = Buffer.allocUnsafe(total === 0 ? Math.min(size, CHUNK) + 1 : CHUNK);
    const n = readSync(fd, chunk);
    if (n === 0) break;
    chunks.push(chunk.subarray(0, n));
    total += n;
  }
  return Buffer.concat(chunks);
}

/** True when root, or whoever runs us, is the owner. */
export function isOurs(stat: Stats): boolean {
  return stat.uid === 0 || stat.uid === process.geteuid?.();
}

function createAnew(path: string): number {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    // A writer that was killed may have left it.
    rmSync(path, { force: true });
    return openSync(path, flags, 0o600);
  }
}

/**
 * Replaces a file as a whole, mode 0600: readers see the old text or the new one. `temporary`: a path
 * beside it that no other process uses at the same time. Throws the first errno, and leaves nothing
 * half-written then.
 */
export function replacePrivateFile(temporary: string, path: string, text: string): void {
  try {
    const fd = createAnew(temporary);
    try {
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
