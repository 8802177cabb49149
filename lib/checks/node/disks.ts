/** How much is left of the disk behind a file. */
import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { findingOf, type Finding } from "../finding";
import { NODE } from "../kinds/node";

/** Free and whole; inodes are 0 of 0 where the file system has no fixed number. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly bytes: number;
  readonly freeInodes: number;
  readonly inodes: number;
}

/** A record takes some KiB, and is written beside the old one (bytes). */
const FULL_BYTES = 64 * 1024;
const FULL_INODES = 8;
/** Less than this part of the whole is nearly nothing. */
const NEARLY = 0.05;

/** The space of the disk that `path` is on, or will be on. Throws the errno. */
export function diskSpace(path: string): DiskSpace {
  if (!existsSync(path) && dirname(path) !== path) return diskSpace(dirname(path));
  const { bavail, blocks, bsize, ffree, files } = statfsSync(path);
  return { freeBytes: bavail * bsize, bytes: blocks * bsize, freeInodes: ffree, inodes: files };
}

/** Pure: what is wrong with the disk of `path`. */
export function diskFindings(
  what: "journal" | "log",
  path: string,
  space: DiskSpace,
): readonly Finding[] {
  const { freeBytes, bytes, freeInodes, inodes } = space;
  // Pseudo file systems have no size.
  if (bytes === 0) return [];
  const noInodes = inodes > 0 && freeInodes < FULL_INODES;
  const fewInodes = inodes > 0 && freeInodes < inodes * NEARLY;
  const left =
    noInodes || (fewInodes && freeBytes >= bytes * NEARLY)
      ? `${freeInodes} of ${inodes} inodes are free`
      : `${sizeText(freeBytes)} of ${sizeText(bytes)} are free`;
  const facts = { path, what, left };
  if (noInodes || freeBytes < FULL_BYTES)
    return [findingOf(NODE, what === "log" ? "log-disk-full" : "journal-disk-full", facts, path)];
  if (fewInodes || freeBytes < bytes * NEARLY)
    return [findingOf(NODE, "disk-nearly-full", facts, path)];
  return [];
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** `12 MiB`. */
export function sizeText(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${Math.floor(bytes / 1024 ** power)} ${UNITS[power] ?? ""}`;
}
