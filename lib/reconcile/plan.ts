/** Pure: from records, annotations and what is installed to what is to be done, as data. */
import type { PluginConf } from "../../conf/types";
import { attachmentLabel } from "../attachment/collect";
import { driftOf, driftText, wantedPieces, type Drift } from "../attachment/drift";
import type { Attachment } from "../attachment/journal";
import { groupBy } from "../net/group";
import type { InstalledMark } from "../ports";
import { decide } from "./decide";
import type { Layer, PodView } from "./ports";

/** A complete record. */
export interface SeenRecord {
  readonly tag: string;
  readonly attachment: Attachment;
}

/** What is there, and which records there are. */
export interface View {
  /** The place where all marks are to be; undefined: each stays where it is. */
  readonly home?: string | undefined;
  /** Tags of all records, whatever their state. */
  readonly tags: ReadonlySet<string>;
  readonly complete: readonly SeenRecord[];
  readonly layers: readonly (Pick<Layer, "name" | "backend"> & {
    readonly installed: readonly InstalledMark[];
  })[];
}

/** A record that is to become another one. */
export interface Rewriting extends SeenRecord {
  readonly next: Attachment;
  readonly left: string | undefined;
}

/** Marks of one attachment that are to be put right. */
export interface Restoring extends SeenRecord {
  readonly layer: Layer["name"];
  readonly drift: readonly Drift[];
  /** They are on their way to another place. */
  readonly isMove: boolean;
  /** Places that have marks of it, although the record says that they are in another. */
  readonly misplaced: readonly string[];
}

/** Something that is wrong and is not repaired. */
export interface Problem {
  /** Distinguishes it from others. */
  readonly topic: string;
  readonly text: string;
  /** It may be over in a moment: an ADD or a DEL may be under way. */
  readonly mayPass: boolean;
  /** The facts that the text was made of. */
  readonly about?: Trouble;
}

/** refused: the annotation of today. taken: an address is another attachment's. without-record: marks of nobody. */
export type Trouble =
  | (SeenRecord & { readonly kind: "refused" | "taken"; readonly why: string })
  | { readonly kind: "without-record"; readonly marks: readonly InstalledMark[] };

export interface Plan {
  /** Pods that are to have another mark, or a first one. */
  readonly changes: readonly Rewriting[];
  /** Pods that are to have none: marks first, then the record. */
  readonly clears: readonly Rewriting[];
  /** Pods whose marks are to be in another place: until they are, the record names none, and DEL looks everywhere. */
  readonly moves: readonly Rewriting[];
  /** As the records will be after the changes. */
  readonly restores: readonly Restoring[];
  readonly problems: readonly Problem[];
  readonly wanted: number;
  readonly installed: number;
  readonly refusals: number;
  /** Something is left for another look, soon. */
  readonly isUnfinished: boolean;
}

/** Marks without a record that are named, at most. */
const MOST_NAMED = 5;

/** What is to be done. */
export function planOf(conf: PluginConf, view: View, pods: PodView | undefined): Plan {
  const changes: Rewriting[] = [];
  const clears: Rewriting[] = [];
  const refused: Problem[] = [];
  const moves: Rewriting[] = [];
  let isUnfinished = false;
  const records = view.complete.map((record): SeenRecord => {
    const decision = decide(conf, record.attachment, pods);
    if (decision.kind === "refused") refused.push(refusal(record, decision.why));
    if (decision.kind !== "change") {
      if (!isAwayFrom(view.home, record)) return record;
      const moved = withoutPlace(record.attachment);
      moves.push({ ...record, next: moved, left: undefined });
      return { tag: record.tag, attachment: moved };
    }
    const { next, left } = decision;
    (next.mark === undefined ? clears : changes).push({ ...record, next, left });
    // One thing at a time: where the new mark is in force it may move.
    isUnfinished ||= isAwayFrom(view.home, { tag: record.tag, attachment: next });
    return { tag: record.tag, attachment: next };
  });
  const cleared = new Set(clears.map(({ tag }) => tag));
  const drifts = view.layers.map((layer) =>
    driftsIn(
      layer,
      records.filter(({ tag }) => !cleared.has(tag)),
      view.home,
    ),
  );
  return {
    changes,
    clears,
    moves,
    isUnfinished,
    restores: drifts.flatMap(({ restores }) => restores),
    problems: [
      ...refused,
      ...drifts.flatMap(({ problems }) => problems),
      ...view.layers.flatMap((layer) => withoutRecord(layer, view.tags)),
    ],
    wanted: drifts.reduce((sum, { wanted }) => sum + wanted, 0),
    installed: view.layers.reduce((sum, { installed }) => sum + installed.length, 0),
    refusals: refused.length,
  };
}

/** Its marks are in another place than they are to be. */
export function isAwayFrom(home: View["home"], { attachment }: SeenRecord): boolean {
  const { mark, backend } = attachment;
  return home !== undefined && mark !== undefined && backend !== undefined && backend !== home;
}

// While its marks may be in two places.
function withoutPlace({ backend: _backend, ...attachment }: Attachment): Attachment {
  return attachment;
}

// Also one whose move was broken off.
function isOnTheMove(home: View["home"], { attachment }: SeenRecord): boolean {
  return home !== undefined && attachment.mark !== undefined && attachment.backend === undefined;
}

function refusal({ tag, attachment }: SeenRecord, why: string): Problem {
  const has = attachment.mark === undefined ? "stays without a mark" : "keeps the mark it has";
  return {
    topic: `refused ${tag}`,
    text: `${attachmentLabel(attachment)} ${has}: ${why}`,
    mayPass: false,
    about: { kind: "refused", tag, attachment, why },
  };
}

interface LayerDrift {
  readonly restores: readonly Restoring[];
  readonly problems: readonly Problem[];
  readonly wanted: number;
}

function driftsIn(
  { name, backend, installed }: View["layers"][number],
  records: readonly SeenRecord[],
  home: View["home"],
): LayerDrift {
  const byTag = groupBy(installed, ({ tag }) => tag);
  const byAddress = groupBy(installed, ({ address }) => address);
  const holders = youngest(records);
  const restores: Restoring[] = [];
  const problems: Problem[] = [];
  let wanted = 0;
  for (const record of records) {
    const { tag, attachment } = record;
    const near = [byTag(tag), ...attachment.addresses.map(byAddress)];
    const drift = driftOf(record, backend, [...new Set(near.flat())]);
    wanted += wantedPieces(backend, attachment).length;
    const foreign = drift.filter(({ kind }) => kind === "foreign");
    const own = drift.filter(({ kind }) => kind !== "foreign");
    const younger = attachment.addresses.find((address) => holders.get(address) !== record);
    if (foreign.length > 0 || (own.length > 0 && younger !== undefined))
      problems.push(taken(name, record, { foreign, younger }));
    // Its address may have passed to another pod.
    else {
      const move = moveOf(name, home, record, byTag(tag));
      const isMove = move.isOwed || (own.length === 0 && move.misplaced.length > 0);
      if (own.length > 0 || isMove)
        restores.push({ ...record, layer: name, drift: own, isMove, misplaced: move.misplaced });
    }
  }
  return { restores, problems, wanted };
}

/** Whether its marks have a place to go to, and where some stand besides the place on record. */
function moveOf(
  layer: Layer["name"],
  home: View["home"],
  record: SeenRecord,
  own: readonly InstalledMark[],
): { readonly isOwed: boolean; readonly misplaced: readonly string[] } {
  if (layer !== "marks") return { isOwed: false, misplaced: [] };
  return { isOwed: isOnTheMove(home, record), misplaced: placesBeside(record.attachment, own) };
}

// A record that names no place says nothing.
function placesBeside({ backend }: Attachment, own: readonly InstalledMark[]): readonly string[] {
  if (backend === undefined) return [];
  return [...new Set(own.map((mark) => mark.backend))].filter((place) => place !== backend);
}

/** Who got each address last. */
function youngest(records: readonly SeenRecord[]): ReadonlyMap<string, SeenRecord> {
  const holders = new Map<string, SeenRecord>();
  for (const record of records)
    for (const address of record.attachment.addresses) {
      const known = holders.get(address);
      if (known === undefined || isYounger(record, known)) holders.set(address, record);
    }
  return holders;
}

function isYounger(one: SeenRecord, other: SeenRecord): boolean {
  return Date.parse(one.attachment.since) > Date.parse(other.attachment.since);
}

function taken(
  layer: Layer["name"],
  { tag, attachment }: SeenRecord,
  { foreign, younger }: { foreign: readonly Drift[]; younger: string | undefined },
): Problem {
  const why =
    foreign.length > 0
      ? foreign.map(driftText).join("; ")
      : `the address ${younger ?? ""} has been given to a younger pod`;
  return {
    topic: `taken ${layer} ${tag}`,
    text: `${attachmentLabel(attachment)}: ${why}; its own marks are left as they are: recreate the pod`,
    mayPass: true,
    about: { kind: "taken", tag, attachment, why },
  };
}

// Another data directory's, or of an ADD or DEL that was killed: they go when the address is given out
// again, or with the next GC.
function withoutRecord(
  { name, installed }: View["layers"][number],
  tags: ReadonlySet<string>,
): readonly Problem[] {
  const marks = installed.filter(({ tag }) => !tags.has(tag));
  const strange = new Map(marks.map(({ tag, label }) => [tag, label]));
  if (strange.size === 0) return [];
  const shown = [...strange].slice(0, MOST_NAMED).map(([tag, label]) => `${label} ${tag}`);
  const more = strange.size - shown.length;
  return [
    {
      topic: `without-record ${name}`,
      text: `${strange.size} attachments have ${name === "marks" ? "marks" : "entries in the guard"} and no record in this "dataDir" (${shown.join(", ")}${more === 0 ? "" : ` and ${more} more`}): they are left alone`,
      mayPass: true,
      about: { kind: "without-record", marks },
    },
  ];
}
