/** Pure: what differs from what should be, as findings. The agent's own plan decides. */
import type { PluginConf } from "../../../conf/types";
import type { Abandoned } from "../../attachment/collect";
import type { Attachment } from "../../attachment/journal";
import { CniError } from "../../cni/error";
import type { Plan, Problem, Rewriting, SeenRecord } from "../../reconcile/plan";
import { findingOf, type Finding } from "../finding";
import { PODS } from "../kinds/pods";
import {
  driftFinding,
  elsewhereFinding,
  markText,
  owedFinding,
  podName,
  recordFinding,
  unclaimedFinding,
  unclaimedOf,
  unfinishedFinding,
} from "../pods/mark-findings";

/** What was seen of the marks. */
export interface MarksSeen {
  readonly plan: Plan;
  /** Changes that the configuration does not want to be made on running pods. */
  readonly ignored: readonly Rewriting[];
  readonly abandoned: readonly Abandoned[];
  /** Not complete, and their process is gone. */
  readonly unfinished: readonly Attachment[];
  readonly unusable: readonly { readonly file: string; readonly why: string }[];
  /** Addresses that an interface of the node or of a pod has; undefined: not all of them can be seen. */
  readonly inUse: ReadonlySet<string> | undefined;
}

/** One finding for each pod and difference, by pod. */
export function differences(conf: PluginConf, seen: MarksSeen): readonly Finding[] {
  const { plan, ignored, abandoned, unfinished, unusable } = seen;
  const owed = new Set(abandoned.map(({ tag }) => tag));
  const isThere = ({ tag }: SeenRecord): boolean => !owed.has(tag);
  const changes = [...plan.changes, ...plan.clears].filter(isThere);
  const changed = new Set(changes.map(({ tag }) => tag));
  const found = [
    ...abandoned.map(({ attachment }) => owedFinding(podName(attachment))),
    ...driftFindings(plan, (record) => isThere(record) && !changed.has(record.tag)),
    ...changes.map((change) => changeFinding("annotation-changed", change)),
    ...ignored.filter(isThere).map((change) => changeFinding("annotation-ignored", change)),
    ...plan.problems.flatMap((problem) => problemFindings(conf, problem, seen)),
    ...unusable.map(({ file, why }) => recordFinding(file, why)),
    ...unfinished.map((attachment) =>
      unfinishedFinding(podName(attachment), attachment.state === "intent" ? "ADD" : "DEL"),
    ),
  ];
  return found.sort(({ subject: a = "" }, { subject: b = "" }) => Number(a > b) - Number(a < b));
}

function driftFindings(
  { restores }: Plan,
  matches: (record: SeenRecord) => boolean,
): readonly Finding[] {
  return restores
    .filter(matches)
    .flatMap(({ attachment, drift, misplaced, isMove }) => [
      ...drift.map((each) => driftFinding(podName(attachment), each)),
      ...(isMove && misplaced.length > 0
        ? [elsewhereFinding(podName(attachment), attachment.backend ?? "none", misplaced)]
        : []),
    ]);
}

function changeFinding(
  kind: "annotation-changed" | "annotation-ignored",
  { attachment, next }: Rewriting,
): Finding {
  const pod = podName(attachment);
  return findingOf(PODS, kind, { pod, have: markText(attachment), want: markText(next) }, pod);
}

function problemFindings(
  { name }: PluginConf,
  { about, text }: Problem,
  { inUse }: MarksSeen,
): readonly Finding[] {
  switch (about?.kind) {
    case "refused": {
      const pod = podName(about.attachment);
      return [findingOf(PODS, "annotation-refused", { pod, why: about.why }, pod)];
    }
    case "taken": {
      const pod = podName(about.attachment);
      return [findingOf(PODS, "address-taken", { pod, why: about.why }, pod)];
    }
    case "without-record":
      return unclaimedOf(name, about.marks, inUse).map(unclaimedFinding);
    case undefined:
      throw new CniError("rules", text);
  }
}
