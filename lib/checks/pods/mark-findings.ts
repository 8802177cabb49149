/** Pure: what a look at the marks of all pods gave, as findings. */
import { driftText, type Drift, type DriftKind } from "../../attachment/drift";
import type { Attachment } from "../../attachment/journal";
import { groupBy } from "../../net/group";
import { networkPrefix } from "../../marks/tag";
import type { InstalledMark } from "../../ports";
import { formatMark } from "../../net/mark";
import { findingOf, type Finding } from "../finding";
import { PODS } from "../kinds/pods";
import type { Look, Problem, Sight } from "./look";

export interface MarkView {
  readonly look: Pick<Look, "sights">;
  /** The directory of the journal. */
  readonly dataDir: string;
  /** Whether the sandbox of an attachment is certainly gone. */
  readonly isGone: (attachment: Attachment) => boolean;
}

/** Everything that is wrong with the marks of records, and with the records. */
export function markFindings({ look, dataDir, isGone }: MarkView): readonly Finding[] {
  return [...look.sights.values()].flatMap((sight) => sightFindings(sight, dataDir, isGone));
}

function sightFindings(
  sight: Sight,
  dataDir: string,
  isGone: MarkView["isGone"],
): readonly Finding[] {
  const { entry, problems, tag } = sight;
  if (typeof entry === "string") return [recordFinding(`${dataDir}/${tag}.json`, entry)];
  const pod = podName(entry);
  if (sight.settled && entry.state === "complete" && isGone(entry)) return [owedFinding(pod)];
  return [
    ...problems.flatMap((problem) => problemFindings(pod, problem)),
    ...elsewhere(pod, entry, sight),
  ];
}

const DRIFTS: Readonly<Record<DriftKind, keyof typeof PODS & `mark-${string}`>> = {
  missing: "mark-missing",
  double: "mark-double",
  "wrong-mark": "mark-wrong",
  unexpected: "mark-unexpected",
  foreign: "mark-of-another",
};

/** Of a record that can be read; one that cannot has its finding already. */
function problemFindings(pod: string, problem: Problem): readonly Finding[] {
  if (problem.kind === "unfinished") return [unfinishedFinding(pod, problem.verb)];
  return problem.kind === "drift" ? [driftFinding(pod, problem.drift)] : [];
}

/** A pod whose sandbox is gone. */
export function owedFinding(pod: string): Finding {
  return findingOf(PODS, "del-owed", { pod, why: "its sandbox is gone", isGone: true }, pod);
}

/** A verb whose process has ended before it was done. */
export function unfinishedFinding(pod: string, verb: "ADD" | "DEL"): Finding {
  if (verb === "ADD") return findingOf(PODS, "add-unfinished", { pod }, pod);
  const facts = { pod, why: "its DEL did not finish", isGone: false };
  return findingOf(PODS, "del-owed", facts, pod);
}

/** A record that cannot be read, by its file. */
export function recordFinding(path: string, reason: string): Finding {
  return findingOf(PODS, "record-unusable", { path, reason }, path);
}

/** One difference of a pod's marks. */
export function driftFinding(pod: string, drift: Drift): Finding {
  const kind = DRIFTS[drift.kind] as "mark-missing";
  return findingOf(PODS, kind, { pod, drift: driftText(drift) }, pod);
}

// A record that names no place, or one of another version, says nothing.
function elsewhere(pod: string, { backend }: Attachment, { places }: Sight): readonly Finding[] {
  const found = places.filter((place) => place !== backend);
  return backend === undefined || found.length === 0 ? [] : [elsewhereFinding(pod, backend, found)];
}

/** Marks of a pod in other places than on record. */
export function elsewhereFinding(pod: string, recorded: string, found: readonly string[]): Finding {
  const facts = { pod, recorded, found: found.join(", ") };
  return findingOf(PODS, "mark-elsewhere", facts, pod);
}

/** Marks of one attachment that has no record. */
export interface Unclaimed {
  readonly tag: string;
  /** From the label. */
  readonly pod: string;
  readonly addresses: readonly string[];
  /** They are of the network of this conflist. */
  readonly isOurs: boolean;
  /** One of the addresses is in use, or may be. */
  readonly inUse: boolean;
}

/** By attachment. `inUse`: addresses that somebody has; undefined: not all of them can be seen. */
export function unclaimedOf(
  network: string,
  marks: readonly InstalledMark[],
  inUse: ReadonlySet<string> | undefined,
): readonly Unclaimed[] {
  const byTag = groupBy(marks, ({ tag }) => tag);
  return [...new Set(marks.map(({ tag }) => tag))].map((tag) => {
    const addresses = [...new Set(byTag(tag).map(({ address }) => address))];
    return {
      tag,
      pod: byTag(tag)[0]?.label ?? "",
      addresses,
      isOurs: tag.startsWith(networkPrefix(network)),
      inUse: inUse === undefined || addresses.some((address) => inUse.has(address)),
    };
  });
}

/** Marks without a record, one finding for each attachment. */
export function unclaimedFinding({ tag, pod, ...facts }: Unclaimed): Finding {
  return findingOf(PODS, "mark-without-record", { ...facts, pod: `${pod} (${tag})` }, pod);
}

/** Whose an attachment is, in a word: the pod, or its container. */
export function podName({ pod, key }: Attachment): string {
  return pod === undefined
    ? `container ${key.containerId.slice(0, 13)}`
    : `${pod.namespace}/${pod.name}`;
}

/** The mark of an attachment in words: its tenant, where it has one. */
export function markText({ mark, tenant }: Pick<Attachment, "mark" | "tenant">): string {
  if (mark === undefined) return "no mark";
  return tenant === undefined ? `mark ${formatMark(mark)}` : `tenant ${tenant}`;
}
