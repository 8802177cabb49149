/** One look at the node, without its lock: pods come and go meanwhile, and what does not fit together is not judged. */
import { toCniError } from "../../lib/cni/error";
import type { Attachment, Journal, JournalRecord } from "../../lib/attachment/journal";
import type { ProcessId } from "../../lib/node/processes";
import { ruleProblems, wantedRules } from "../../lib/attachment/drift";
import type { Clock, InstalledRule, MarkRules } from "../../lib/ports";
import { NOT_ASKED, NOT_RUN, type DelegateChecker } from "./delegate";

/** What the command looks through. */
export interface Node {
  readonly journal: Pick<Journal, "tags" | "read">;
  readonly rules: Pick<MarkRules, "list">;
  /** Whether the process that is at work on a record still runs. */
  readonly isAlive: (owner: ProcessId) => boolean;
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
  readonly rules: { readonly expected: number; readonly found: number };
  readonly delegate: string;
  /** What is wrong, the delegate's verdict excepted. */
  readonly problems: readonly string[];
  /** What is so, and not wrong. */
  readonly notes: readonly string[];
}

export interface Look {
  /** By tag; attachments that went away during the look are not there. */
  readonly sights: ReadonlyMap<string, Sight>;
  /** Rules of ours that no record accounts for. */
  readonly strays: readonly InstalledRule[];
}

/** All records of the journal, in the order of their tags. */
export function readEntries(journal: Node["journal"]): Entries {
  const entries = [...journal.tags()].sort().map((tag) => [tag, readEntry(journal, tag)] as const);
  return new Map(entries.flatMap(([tag, entry]) => (entry === undefined ? [] : [[tag, entry]])));
}

function readEntry(journal: Node["journal"], tag: string): Entry | undefined {
  const record = readOrTell(journal, tag);
  if (record === undefined) return undefined;
  return "attachment" in record ? record.attachment : record.corrupt;
}

// A record that is a symbolic link, say: one line about it, and the others are reported all the same.
function readOrTell(journal: Node["journal"], tag: string): JournalRecord {
  try {
    return journal.read(tag);
  } catch (error) {
    return { corrupt: toCniError(error).message };
  }
}

/** True when a record says what it said before; a deletion and a new ADD leave their own time and process in it. */
export function isSame(one: Entry | undefined, other: Entry | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/**
 * Lists the rules, reads the journal again, and judges those of `before` (read just now) that stayed
 * as they were. The delegate is asked where `asks` says so.
 */
export async function lookAt(
  node: Node,
  before: Entries,
  asks: (tag: string) => boolean,
): Promise<Look> {
  const installed = await node.rules.list();
  const after = readEntries(node.journal);
  const sights = new Map<string, Sight>();
  for (const [tag, entry] of before) {
    const now = after.get(tag);
    const sight = isSame(entry, now)
      ? await judge(node, tag, entry, { installed, asks })
      : unsettled(node, tag, now);
    if (sight !== undefined) sights.set(tag, sight);
  }
  // An ADD writes its record before its rules, a DEL removes it after them: a record is there before or after.
  return { sights, strays: installed.filter(({ tag }) => !before.has(tag) && !after.has(tag)) };
}

interface Facts {
  readonly installed: readonly InstalledRule[];
  readonly asks: (tag: string) => boolean;
}

async function judge(
  node: Node,
  tag: string,
  entry: Entry,
  { installed, asks }: Facts,
): Promise<Sight | undefined> {
  if (typeof entry === "string")
    return { ...blank(tag, entry), problems: [`journal record ${tag} is unusable: ${entry}`] };
  const rules = {
    expected: wantedRules(entry).length,
    found: installed.filter((rule) => rule.tag === tag).length,
  };
  if (entry.state !== "complete")
    return { ...blank(tag, entry), rules, ...progressOf(node, entry) };
  const delegate = asks(tag) ? await askDelegate(node, entry) : NOT_ASKED;
  const now = readEntry(node.journal, tag);
  if (!isSame(entry, now)) return unsettled(node, tag, now);
  return { ...blank(tag, entry), rules, delegate, problems: ruleProblems(entry, tag, installed) };
}

function unsettled(node: Node, tag: string, now: Entry | undefined): Sight | undefined {
  if (now === undefined) return undefined;
  const notes = typeof now === "string" ? [] : progressOf(node, now).notes;
  return { ...blank(tag, now), settled: false, notes };
}

function blank(tag: string, entry: Entry): Sight {
  const expected = typeof entry === "string" ? 0 : wantedRules(entry).length;
  return {
    tag,
    entry,
    settled: true,
    rules: { expected, found: 0 },
    delegate: NOT_ASKED,
    problems: [],
    notes: [],
  };
}

async function askDelegate({ checkDelegate }: Node, attachment: Attachment): Promise<string> {
  return checkDelegate === undefined ? NOT_RUN : checkDelegate(attachment);
}

/** Of an ADD or DEL that has not ended: its rules and its delegate are in between, whoever is at work. */
function progressOf(
  { isAlive }: Node,
  { state, owner }: Attachment,
): Pick<Sight, "problems" | "notes"> {
  if (state === "complete") return { problems: [], notes: [] };
  const verb = state === "intent" ? "ADD" : "DEL";
  if (isAlive(owner))
    return { problems: [], notes: [`its ${verb} is under way (process ${owner.pid})`] };
  return { problems: [`its ${verb} did not finish`], notes: [] };
}
