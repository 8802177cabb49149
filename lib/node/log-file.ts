/** The log file: one JSON line per record, appended with one write, so that parallel wrappers never mix. */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { makeDirectory } from "./files";
import type { LogLevel } from "../ports";
import { reasonOf } from "../text/reason";

const ORDER: readonly LogLevel[] = ["error", "warn", "info", "debug"];

/** True when a record of `level` is logged at `threshold`. */
export function isLogged(level: LogLevel, threshold: LogLevel): boolean {
  return ORDER.indexOf(level) <= ORDER.indexOf(threshold);
}

/**
 * One record as a line of ASCII JSON: values come from pods, so everything that a terminal or a
 * log shipper could act on is escaped.
 */
export function formatRecord(
  time: Date,
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, unknown>>,
): string {
  return JSON.stringify({ time: time.toISOString(), level, msg: message, ...fields }).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Appends one line. The file is opened for each line, so that rotation needs no signal; it is
 * created with mode 0600, and anything but a regular file with one name is refused. Returns what went
 * wrong, or undefined: a full disk must not keep a pod from starting.
 */
export function appendLine(path: string, line: string): string | undefined {
  try {
    const fd = openLog(path);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) return `log file ${path} is not a regular file`;
      // It has no name any more: it was rotated away just now.
      if (stat.nlink > 1)
        return `log file ${path} has ${stat.nlink} hard links, so it may be another file too: nothing was written; remove it`;
      writeSync(fd, `${line}\n`);
    } finally {
      closeSync(fd);
    }
    return undefined;
  } catch (error) {
    return `log file ${path} cannot be written: ${reasonOf(error)}`;
  }
}

function openLog(path: string): number {
  const flags =
    constants.O_WRONLY |
    constants.O_APPEND |
    constants.O_CREAT |
    constants.O_NOFOLLOW |
    constants.O_NONBLOCK;
  try {
    return openSync(path, flags, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    makeDirectory(dirname(path), 0o750);
    return openSync(path, flags, 0o600);
  }
}
