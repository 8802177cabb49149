/**
 * Our record of attachments: one small JSON file each, named by the attachment's tag, in a
 * root-owned 0700 directory on tmpfs, so that it lives exactly as long as the rules do.
 *
 * intent -> complete -> gone. DEL turns either into `deleting` first, so that an ADD still under
 * way sees that it lost, and a DEL that dies half-way can be finished by the next one.
 */
import { existsSync, lstatSync, readdirSync, renameSync, rmSync, type Stats } from "node:fs";
import { join } from "node:path";
import { CniError } from "../cni/error";
import { isYoung, makeDirectory, stampOf } from "../node/files";
import { isOurs, readPrivateFile, replacePrivateFile } from "../node/private-file";
import {
  decodeRecord,
  encodeRecord,
  MAX_RECORD,
  type Attachment,
  type JournalRecord,
} from "./journal-record";
import { reasonOf } from "../text/reason";

export type { Attachment, AttachmentState, JournalRecord, Owner } from "./journal-record";

const SUFFIX = ".json";

/** A record that is not our file: it says nothing about an attachment, and can be moved aside. */
export class UnusableRecord extends CniError {}

export interface Journal {
  /** Creates the directory and checks owner, mode and type. Throws CniError `journal`. */
  prepare(): void;
  /** The same checks without creating anything; an absent directory is fine. */
  inspect(): void;
  /** Throws `UnusableRecord` for what is not our file (a link, a FIFO, a foreign file), CniError `journal` when it cannot look. */
  read(tag: string): JournalRecord;
  /**
   * A text that is another one whenever the file under `tag` is; undefined where there is none, or where it is
   * so young that a later one might have the same.
   */
  stamp(tag: string): string | undefined;
  /** Moves an unusable record aside, whatever it is, and returns where it is now. Throws CniError `journal`. */
  setAside(tag: string): string;
  /** Writes atomically: readers see the old record or the new one. Throws CniError `journal`, also for a record too large to be read again. */
  write(tag: string, attachment: Attachment): void;
  /** An absent record is fine. */
  remove(tag: string): void;
  /** Tags of all records, whatever their state. An absent directory has none. */
  tags(): readonly string[];
}

/** The attachment on record under `tag`; undefined when there is none, or none that can be used: its DEL says why. */
export function attachmentIn(journal: Pick<Journal, "read">, tag: string): Attachment | undefined {
  try {
    const record = journal.read(tag);
    return record !== undefined && "attachment" in record ? record.attachment : undefined;
  } catch {
    return undefined;
  }
}

/** The journal in `dir` (absolute). Nothing is touched before the first call. */
export function createJournal(dir: string): Journal {
  const path = (tag: string): string => join(dir, `${tag}${SUFFIX}`);
  return {
    prepare: () => {
      if (inspectDirectory(dir)) return;
      attempt(dir, "create", () => makeDirectory(dir, 0o700));
      inspectDirectory(dir);
    },
    inspect: () => void inspectDirectory(dir),
    read: (tag) => readRecord(path(tag), tag),
    stamp: (tag) => recordStamp(path(tag)),
    write: (tag, attachment) =>
      writeRecord(join(dir, `.${tag}.${uniqueName()}.tmp`), path(tag), encodeRecord(attachment)),
    setAside: (tag) => attempt(path(tag), "move", () => moveAside(dir, tag)),
    remove: (tag) => attempt(path(tag), "remove", () => removeRecord(dir, tag)),
    tags: () => listTags(dir),
  };
}

/** False when there is none. */
function inspectDirectory(dir: string): boolean {
  const stat = attempt(dir, "examine", () => lstatSync(dir, { throwIfNoEntry: false }));
  if (stat === undefined) return false;
  if (!stat.isDirectory()) throw unsafe(dir, "it is not a directory (symbolic links are refused)");
  if (!isOurs(stat)) throw unsafe(dir, `it belongs to user ${stat.uid}`);
  if ((stat.mode & 0o077) !== 0)
    throw unsafe(dir, `its mode is 0${(stat.mode & 0o777).toString(8)}, expected 0700`);
  return true;
}

function readRecord(path: string, tag: string): JournalRecord {
  try {
    // Of most ADDs there is none yet, and an error costs more than this look.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    return decodeRecord(
      readPrivateFile(path, MAX_RECORD, (stat) => checkFile(path, stat)),
      tag,
    );
  } catch (error) {
    if (error instanceof CniError) throw error;
    const { code, syscall } = error as NodeJS.ErrnoException;
    // A disk that cannot be read is no reason to distrust the file.
    if (syscall !== "open") throw error;
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP") throw unusable(path, "it is a symbolic link");
    if (code === "ENXIO") throw unusable(path, "it is a socket");
    throw unsafe(path, (error as Error).message);
  }
}

function recordStamp(path: string): string | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  return stat === undefined || isYoung(stat) ? undefined : stampOf(stat);
}

function checkFile(path: string, stat: Stats): void {
  if (!stat.isFile()) throw unusable(path, "it is not a regular file");
  if (stat.nlink !== 1) throw unusable(path, `it has ${stat.nlink} hard links`);
  if (!isOurs(stat)) throw unusable(path, `it belongs to user ${stat.uid}`);
  if ((stat.mode & 0o077) !== 0)
    throw unsafe(path, `its mode is 0${(stat.mode & 0o777).toString(8)}, expected 0600`);
}

function writeRecord(temporary: string, path: string, text: string): void {
  attempt(path, "write", () => replacePrivateFile(temporary, path, text));
}

// Beside the records, under a name that is not a record's, for those who want to know how it came there.
function moveAside(dir: string, tag: string): string {
  const aside = join(dir, `unusable-${tag}-${uniqueName()}`);
  renameSync(join(dir, `${tag}${SUFFIX}`), aside);
  return aside;
}

// The record, and what a killed writer left beside it.
function removeRecord(dir: string, tag: string): void {
  const names = existsSync(dir) ? readdirSync(dir) : [];
  for (const name of names.filter(
    (each) => each === `${tag}${SUFFIX}` || each.startsWith(`.${tag}.`),
  ))
    rmSync(join(dir, name), { force: true });
}

function listTags(dir: string): readonly string[] {
  try {
    return readdirSync(dir)
      .filter((name) => name.endsWith(SUFFIX) && !name.startsWith("."))
      .map((name) => name.slice(0, -SUFFIX.length));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw unsafe(dir, (error as Error).message);
  }
}

// Not node:crypto, which takes 4 to 5 ms to load; O_EXCL guards what is left to chance.
function uniqueName(): string {
  return `${process.pid}-${process.hrtime.bigint()}-${Math.random().toString(36).slice(2)}`;
}

// The runtime swallows errors that say "no such file or directory" (go-cni): with the errno name we do not.
function attempt<T>(path: string, verb: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw new CniError(
      "journal",
      `cannot ${verb} the journal at ${path}: ${reasonOf(error)}; see "dataDir" in the conflist`,
      {
        cause: error,
      },
    );
  }
}

function unsafe(path: string, why: string): CniError {
  return new CniError("journal", distrust(path, why));
}

function unusable(path: string, why: string): UnusableRecord {
  return new UnusableRecord("journal", distrust(path, why));
}

function distrust(path: string, why: string): string {
  return `the journal at ${path} cannot be trusted: ${why}; remove it or repair its ownership`;
}
