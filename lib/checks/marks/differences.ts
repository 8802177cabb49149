/** Pure: what differs from what should be, as findings. The agent's own plan decides. */
import type { PluginConf } from "../../../conf/types";
import type { Abandoned } from "../../attachment/collect";
import { driftText } from "../../attachment/drift";
import type { Attachment } from "../../attachment/journal";
import { groupBy } from "../../marks/group";
import { networkPrefix } from "../../marks/tag";
import type { InstalledMark } from "../../ports";
import type { Plan, Problem, Rewriting, SeenRecord } from "../../reconcile/plan";
import { findingOf, type Finding } from "../finding";
import { MARK_FINDINGS } from "../kinds/marks";
import { podOf } from "./pod";

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

/** Differences of one pod that are named, at most. */
const MOST_NAMED = 4;

/** One finding for each pod and difference, by pod. */
export function differences(conf: PluginConf, seen: MarksSeen): readonly Finding[] {
  const { plan, ignored, abandoned, unfinished, unusable } = seen;
  const owed = new Set(abandoned.map(({ tag }) => tag));
  const isThere = ({ tag }: SeenRecord): boolean => !owed.has(tag);
  const changes = [...plan.changes, ...plan.clears].filter(isThere);
  const changed = new Set(changes.map(({ tag }) => tag));
  const found = [
    ...abandoned.map(({ attachment }) => owedFinding(attachment)),
    ...driftFindings(plan, (record) => isThere(record) && !changed.has(record.tag)),
    ...changes.map((change) => changeFinding("annotation-differs", change)),
    ...ignored.filter(isThere).map((change) => changeFinding("annotation-ignored", change)),
    ...plan.problems.flatMap((problem) => problemFindings(conf, problem, seen)),
    ...unusable.map((facts) => findingOf(MARK_FINDINGS, "record-damaged", facts)),
    ...unfinished.map(unfinishedFinding),
  ];
  return found.sort(({ subject: a = "" }, { subject: b = "" }) => Number(a > b) - Number(a < b));
}

function owedFinding(attachment: Attachment): Finding {
  const { netns } = attachment;
  const pod = podOf(attachment);
  return findingOf(MARK_FINDINGS, "del-never-came", { pod, netns }, pod);
}

function driftFindings(
  { restores }: Plan,
  matches: (record: SeenRecord) => boolean,
): readonly Finding[] {
  const wanted = restores.filter(matches);
  const byTag = groupBy(wanted, ({ tag }) => tag);
  return [...new Set(wanted.map(({ tag }) => tag))].flatMap((tag) => {
    const [first] = byTag(tag);
    if (first === undefined) return [];
    const texts = byTag(tag).flatMap(({ drift }) => drift.map(driftText));
    const more = texts.length - MOST_NAMED;
    const what = [...texts.slice(0, MOST_NAMED), ...(more > 0 ? [`and ${more} more`] : [])];
    const pod = podOf(first.attachment);
    return [findingOf(MARK_FINDINGS, "marks-differ", { pod, what }, pod)];
  });
}

function changeFinding(
  kind: "annotation-differs" | "annotation-ignored",
  { attachment, next }: Rewriting,
): Finding {
  const pod = podOf(attachment);
  const facts = { pod, now: attachment.mark, wanted: next.mark, tenant: next.tenant };
  return findingOf(MARK_FINDINGS, kind, facts, pod);
}

function problemFindings(
  conf: PluginConf,
  { about, text }: Problem,
  { inUse }: MarksSeen,
): readonly Finding[] {
  switch (about?.kind) {
    case "refused": {
      const pod = podOf(about.attachment);
      return [findingOf(MARK_FINDINGS, "annotation-denied", { pod, why: about.why }, pod)];
    }
    case "taken": {
      const pod = podOf(about.attachment);
      return [findingOf(MARK_FINDINGS, "address-taken", { pod, why: about.why }, pod)];
    }
    case "without-record":
      return unclaimedFindings(conf, about.marks, inUse);
    case undefined:
      return [findingOf(MARK_FINDINGS, "marks-differ", { pod: "all pods", what: [text] })];
  }
}

function unclaimedFindings(
  conf: PluginConf,
  marks: readonly InstalledMark[],
  inUse: ReadonlySet<string> | undefined,
): readonly Finding[] {
  return unclaimedOf(conf, marks, inUse).map(({ tag, pod, addresses, isOurs, inUse: used }) =>
    findingOf(
      MARK_FINDINGS,
      "marks-unclaimed",
      { pod: `${pod} (${tag})`, tag, addresses, isOurs, inUse: used },
      pod,
    ),
  );
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

/** By attachment. */
export function unclaimedOf(
  { name }: Pick<PluginConf, "name">,
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
      isOurs: tag.startsWith(networkPrefix(name)),
      inUse: inUse === undefined || addresses.some((address) => inUse.has(address)),
    };
  });
}

function unfinishedFinding(attachment: Attachment): Finding {
  const pod = podOf(attachment);
  const verb = attachment.state === "intent" ? "ADD" : "DEL";
  return findingOf(MARK_FINDINGS, "unfinished", { pod, verb }, pod);
}
