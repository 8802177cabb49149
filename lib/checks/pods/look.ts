/** One look at the node, without its locks: pods come and go meanwhile, and a record that changes is not judged. */
import { toCniError } from "../../cni/error";
import type { Attachment, Journal, JournalRecord, Owner } from "../../attachment/journal";
import { driftOf, wantedPieces, type Drift } from "../../attachment/drift";
import type { Clock, InstalledMark, MarkBackend, Marks } from "../../ports";
import type { DelegateChecker, Verdict } from "./verdict";

/** What the command looks through. */
export interface Observed {
  readonly journal: Pick<Journal, "tags" | "read">;
  readonly backend: Pick<MarkBackend, "pieces">;
  readonly marks: Pick<Marks, "list">;
  /** Whether the process that is at work on a record still runs. */
  readonly isAlive: (owner: Owner) => boolean;
  readonly clock: Pick<Clock, "sleep">;
  /** Undefined: the delegates are not asked at all. */
  readonly checkDelegate: DelegateChecker | undefined;
}

/** A journal record: the attachment, or why it cannot be used. */
export type Entry = Attachment | string;
export type Entries = ReadonlyMap<string, Entry>;

/** What one look saw of one attachment. */
export interface Sight {
  readonly tag: string;
  /** As it was last read. */
  readonly entry: Entry;
  /** False when the record changed during the look: then neither rules nor delegate were judged. */
  readonly settled: boolean;
  /** How many pieces of marks. */
  readonly marks: { readonly expected: number; readonly found: number };
  /** Places of the marks that were found. */
  readonly places: readonly string[];
  readonly delegate: Verdict;
  /** What is wrong, the delegate's verdict excepted. */
  readonly problems: readonly Problem[];
  readonly note: Note | undefined;
}

/** One thing that is wrong. */
export type Problem =
  | { readonly kind: "unusable-record"; readonly tag: string; readonly reason: string }
  | { readonly kind: "unfinished"; readonly verb: "ADD" | "DEL" }
  | { readonly kind: "drift"; readonly drift: Drift };

/** What needs nobody: who is at work on it, or that it did not hold still long enough to be judged. */
export type Note =
  | { readonly kind: "under-way"; readonly verb: "ADD" | "DEL"; readonly pid: number }
  | { readonly kind: "changed" };

export interface Look {
  /** By tag; attachments that went away during the look are not there. */
  readonly sights: ReadonlyMap<string, Sight>;
  /** Managed marks that no record accounts for. */
  readonly strays: readonly InstalledMark[];
}

/** All records of the journal, in the order of their tags. */
export function readEntries(journal: Observed["journal"]): Entries {
  const entries = [...journal.tags()].sort().map((tag) => [tag, readEntry(journal, tag)] as const);
  return new Map(entries.flatMap(([tag, entry]) => (entry === undefined ? [] : [[tag, entry]])));
}

function readEntry(journal: Observed["journal"], tag: string): Entry | undefined {
  const record = readOrTell(journal, tag);
  if (record === undefined) return undefined;
  return "attachment" in record ? record.attachment : record.corrupt;
}

// A record that is a symbolic link, say: one line about it, and the others are reported all the same.
function readOrTell(journal: Observed["journal"], tag: string): JournalRecord {
  try {
    return journal.read(tag);
  } catch (error) {
    return { corrupt: toCniError(error).message };
  }
}

/**
 * True when two looks gave the same. Records too: a deletion and a new ADD leave their own time and
 * process in them.
 */
export function isSame<T extends Entry | Problem | undefined>(one: T, other: T): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/**
 * Lists the marks, reads the journal again, and judges those of `before` (read just now) that stayed
 * as they were. The delegate is asked where `asks` says so.
 */
export async function lookAt(
  node: Observed,
  before: Entries,
  asks: (tag: string) => boolean,
): Promise<Look> {
  const installed = await node.marks.list();
  const after = readEntries(node.journal);
  const sights = new Map<string, Sight>();
  for (const [tag, entry] of before) {
    const now = after.get(tag);
    const sight = isSame(entry, now)
      ? await judge(node, tag, entry, { installed, asks })
      : unsettled(node, tag, now);
    if (sight !== undefined) sights.set(tag, sight);
  }
  // An ADD writes its record before its marks, a DEL removes it after them: a record is there before or after.
  return { sights, strays: installed.filter(({ tag }) => !before.has(tag) && !after.has(tag)) };
}

interface Facts {
  readonly installed: readonly InstalledMark[];
  readonly asks: (tag: string) => boolean;
}

async function judge(
  node: Observed,
  tag: string,
  entry: Entry,
  { installed, asks }: Facts,
): Promise<Sight | undefined> {
  if (typeof entry === "string")
    return {
      ...blank(node, tag, entry),
      problems: [{ kind: "unusable-record", tag, reason: entry }],
    };
  const blankSight = blank(node, tag, entry);
  const found = installed.filter((mark) => mark.tag === tag);
  const places = [...new Set(found.map(({ backend }) => backend))];
  const sight = { ...blankSight, places, marks: { ...blankSight.marks, found: found.length } };
  if (entry.state !== "complete") return { ...sight, ...progressOf(node, entry) };
  const delegate = asks(tag) ? await askDelegate(node, entry) : "not-asked";
  const now = readEntry(node.journal, tag);
  if (!isSame(entry, now)) return unsettled(node, tag, now);
  const drifts = driftOf({ tag, attachment: entry }, node.backend, installed);
  return { ...sight, delegate, problems: drifts.map((drift) => ({ kind: "drift", drift })) };
}

function unsettled(node: Observed, tag: string, now: Entry | undefined): Sight | undefined {
  if (now === undefined) return undefined;
  const note = typeof now === "string" ? undefined : progressOf(node, now).note;
  return { ...blank(node, tag, now), settled: false, note };
}

function blank({ backend }: Observed, tag: string, entry: Entry): Sight {
  const expected = typeof entry === "string" ? 0 : wantedPieces(backend, entry).length;
  return {
    tag,
    entry,
    settled: true,
    marks: { expected, found: 0 },
    places: [],
    delegate: "not-asked",
    problems: [],
    note: undefined,
  };
}

async function askDelegate({ checkDelegate }: Observed, attachment: Attachment): Promise<Verdict> {
  return checkDelegate === undefined ? "not-run" : checkDelegate(attachment);
}

/** Of an ADD or DEL that has not ended: neither its marks nor its delegate can be judged. */
function progressOf(
  { isAlive }: Observed,
  { state, owner }: Attachment,
): Pick<Sight, "problems" | "note"> {
  if (state === "complete") return { problems: [], note: undefined };
  const verb = state === "intent" ? "ADD" : "DEL";
  if (isAlive(owner)) return { problems: [], note: { kind: "under-way", verb, pid: owner.pid } };
  return { problems: [{ kind: "unfinished", verb }], note: undefined };
}
