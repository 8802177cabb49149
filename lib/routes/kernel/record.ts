/** The record of what was changed on the node: one file in the data directory. */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../cni/error";
import { isObject, parseJson } from "../../cni/json";
import { reasonOf } from "../../text/reason";
import { EMPTY_RECORD, type RoutesRecord } from "../model";
import { replaceFile, temporaryOf } from "../../node/files";
import { readPrivateFile } from "../../node/private-file";

export interface RecordFile {
  /** EMPTY_RECORD when there is no file. Throws CniError `journal` when it cannot be used. */
  read(): RoutesRecord;
  /** Throws CniError `journal`. */
  write(record: RoutesRecord): void;
  /** Throws CniError `journal`. */
  remove(): void;
}

const FORMAT = 1;
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * The record of this network namespace. All namespaces share the directory, but each has its own
 * routes.
 */
export function createRecordFile(dir: string): RecordFile {
  const path = join(dir, `netns-${statSync("/proc/self/ns/net").ino}.json`);
  return {
    read: () => readRecord(path),
    write: (record) => writeRecord(dir, path, record),
    remove: () =>
      attempt(dir, path, "removed", () =>
        [path, temporaryOf(path)].forEach((each) => rmSync(each, { force: true })),
      ),
  };
}

function readRecord(path: string): RoutesRecord {
  try {
    return parseRecord(
      path,
      readPrivateFile(path, MAX_BYTES, (stat) => {
        if (!stat.isFile() || stat.uid !== process.geteuid?.() || stat.size > MAX_BYTES)
          throw unusable(path, "not a small file of ours");
      }),
    );
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall !== "open") throw error;
    if (code === "ENOENT") return EMPTY_RECORD;
    throw unusable(path, reasonOf(error));
  }
}

function parseRecord(path: string, bytes: Uint8Array): RoutesRecord {
  let value: unknown;
  try {
    value = parseJson(bytes, path);
  } catch {
    throw unusable(path, "not JSON");
  }
  if (!isObject(value as never) || (value as { format?: unknown }).format !== FORMAT)
    throw unusable(path, `not of format ${FORMAT}`);
  const { format: _, ...record } = value as unknown as RoutesRecord & { format: number };
  return { ...EMPTY_RECORD, ...record };
}

function writeRecord(dir: string, path: string, record: RoutesRecord): void {
  attempt(dir, path, "written", () =>
    replaceFile(path, JSON.stringify({ format: FORMAT, ...record }), {
      file: 0o600,
      directory: 0o700,
    }),
  );
}

function attempt(dir: string, path: string, done: string, body: () => void): void {
  try {
    body();
  } catch (error) {
    throw new CniError(
      "journal",
      `the record of the node routes ${path} cannot be ${done} (${reasonOf(error)}): see that ${dir} is a directory of root with mode 0700 and has room`,
    );
  }
}

function unusable(path: string, why: string): CniError {
  return new CniError(
    "journal",
    `the record of the node routes ${path} is unusable (${why}): move it away, then run wrapper routes apply again`,
  );
}
