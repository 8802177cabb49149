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
  const limits = [
    // Pseudo file systems have no size, and some have no fixed number of inodes.
    {
      ...{ free: freeBytes, all: bytes, least: FULL_BYTES },
      left: `${sizeText(freeBytes)} of ${sizeText(bytes)} are free`,
    },
    {
      ...{ free: freeInodes, all: inodes, least: FULL_INODES },
      left: `${freeInodes} of ${inodes} inodes are free`,
    },
  ].filter(({ all }) => all > 0);
  const full = limits.find(({ free, least }) => free < least);
  const scarce = limits.find(({ free, all }) => free < all * NEARLY);
  if (full !== undefined) {
    const kind = what === "log" ? "log-disk-full" : "journal-disk-full";
    return [findingOf(NODE, kind, { path, what, left: full.left }, path)];
  }
  if (scarce === undefined) return [];
  return [findingOf(NODE, "disk-nearly-full", { path, what, left: scarce.left }, path)];
}

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** `12 MiB`. */
export function sizeText(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return `${Math.floor(bytes / 1024 ** power)} ${UNITS[power] ?? ""}`;
}
