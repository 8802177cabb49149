/** Pure: what a look at the marks of all pods gave, as findings. */
import { driftText, type Drift, type DriftKind } from "../../attachment/drift";
import type { Attachment } from "../../attachment/journal";
import type { InstalledMark } from "../../ports";
import { findingOf, type Finding } from "../finding";
import { PODS } from "../kinds/pods";
import type { Look, Problem, Sight } from "./look";
import { iptablesRemoval } from "./save";

export interface MarkView {
  readonly look: Look;
  /** The directory of the journal. */
  readonly dataDir: string;
  /** Whether the sandbox of an attachment is certainly gone. */
  readonly isGone: (attachment: Attachment) => boolean;
}

/** Everything that is wrong with the marks and records. */
export function markFindings({ look, dataDir, isGone }: MarkView): readonly Finding[] {
  return [
    ...[...look.sights.values()].flatMap((sight) => sightFindings(sight, dataDir, isGone)),
    ...look.strays.map(strayFinding),
  ];
}

function sightFindings(
  sight: Sight,
  dataDir: string,
  isGone: MarkView["isGone"],
): readonly Finding[] {
  const { entry, problems, tag } = sight;
  if (typeof entry === "string") {
    const path = `${dataDir}/${tag}.json`;
    return problems.map(() => findingOf(PODS, "record-unusable", { path, reason: entry }, path));
  }
  const pod = podName(entry);
  if (sight.settled && entry.state === "complete" && isGone(entry))
    return [findingOf(PODS, "del-owed", { pod, why: "its sandbox is gone" }, pod)];
  return [
    ...problems.map((problem) => problemFinding(pod, problem)),
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

function problemFinding(pod: string, problem: Problem): Finding {
  switch (problem.kind) {
    case "unusable-record":
      return findingOf(PODS, "record-unusable", { path: problem.tag, reason: problem.reason }, pod);
    case "unfinished":
      return problem.verb === "ADD"
        ? findingOf(PODS, "add-unfinished", { pod }, pod)
        : findingOf(PODS, "del-owed", { pod, why: "its DEL did not finish" }, pod);
    case "drift":
      return driftFinding(pod, problem.drift);
  }
}

function driftFinding(pod: string, drift: Drift): Finding {
  const kind = DRIFTS[drift.kind] as "mark-missing";
  return findingOf(PODS, kind, { pod, drift: driftText(drift) }, pod);
}

// A record that names no place, or one of another version, says nothing.
function elsewhere(pod: string, { backend }: Attachment, { places }: Sight): readonly Finding[] {
  const found = places.filter((place) => place !== backend);
  if (backend === undefined || found.length === 0) return [];
  const facts = { pod, recorded: backend, found: found.join(", ") };
  return [findingOf(PODS, "mark-elsewhere", facts, pod)];
}

function strayFinding(stray: InstalledMark): Finding {
  const { label, address, backend: place } = stray;
  const removal = iptablesRemoval(stray);
  return findingOf(PODS, "mark-without-record", { pod: label, address, place, removal }, label);
}

/** Whose an attachment is, in a word: the pod, or its container. */
export function podName({ pod, key }: Attachment): string {
  return pod === undefined
    ? `container ${key.containerId.slice(0, 13)}`
    : `${pod.namespace}/${pod.name}`;
}
