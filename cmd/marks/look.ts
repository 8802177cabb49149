/** One look at the marks of all pods, without the node's locks. */
import type { Abandoned } from "../../lib/attachment/collect";
import type { Attachment } from "../../lib/attachment/journal";
import { addressesInUse } from "../../lib/checks/marks/addresses";
import { differences } from "../../lib/checks/marks/differences";
import { foreignMarks, markedPod } from "../../lib/checks/pods/foreign-rules";
import type { Finding } from "../../lib/checks/finding";
import { createGuard } from "../../lib/marks/nftables/guard";
import { createPrograms } from "../../lib/node/programs";
import type { InstalledMark } from "../../lib/ports";
import { decide } from "../../lib/reconcile/decide";
import { guardLayer } from "../../lib/reconcile/guard-layer";
import type { Plan, Rewriting, SeenRecord } from "../../lib/reconcile/plan";
import type { PodView, Target } from "../../lib/reconcile/ports";
import { planNow } from "../../lib/reconcile/reconciler";
import { readRecords } from "../../lib/reconcile/records";
import { mayHaveGuard, newRunner } from "../backends";
import { readEntries } from "../../lib/checks/pods/look";
import { unclaimedOf, type Unclaimed } from "../../lib/checks/pods/mark-findings";
import { foreignOf, type Opened } from "./open";

export interface MarksLook {
  readonly plan: Plan;
  readonly findings: readonly Finding[];
  readonly unclaimed: readonly Unclaimed[];
  /** What is well, in a few words. */
  readonly summary: string;
}

/** What the marks are compared in, as the agent does: the guard too, where an agent has made it. */
export function targetOf({ conf, node }: Opened): Target {
  const { journal, locks, backend, exec } = node;
  const runner = newRunner(conf, { exec });
  const isGuarded = conf.guard && mayHaveGuard(conf.dataDir) && runner.has();
  return {
    conf,
    journal,
    locks,
    layers: [
      { name: "marks", backend, marks: backend.open({}) },
      ...(isGuarded ? [guardLayer(createGuard(runner), conf, node)] : []),
    ],
  };
}

/** What differs, foreign rules excepted. Throws when the marks cannot be listed. */
export async function lookAtMarks(
  opened: Opened,
  target: Target,
  {
    pods,
    abandoned,
  }: { readonly pods: PodView | undefined; readonly abandoned: readonly Abandoned[] },
): Promise<MarksLook> {
  const { conf, node } = opened;
  const plan = await planNow(target, { pods });
  const entries = readEntries(node.journal);
  const strays = plan.problems.flatMap(({ about }): readonly InstalledMark[] =>
    about?.kind === "without-record" ? about.marks : [],
  );
  const inUse = strays.length === 0 ? new Set<string>() : await inUseNow(opened);
  const { complete } = readRecords(target);
  const findings = differences(conf, {
    plan,
    ignored: conf.onAnnotationChange === "ignore" ? ignoredChanges(opened, complete, pods) : [],
    abandoned,
    unfinished: [...entries].flatMap(([tag, entry]) =>
      typeof entry === "string" || !isUnfinished(opened, entry) || isAmong(abandoned, tag)
        ? []
        : [entry],
    ),
    unusable: [...entries].flatMap(([tag, entry]) =>
      typeof entry === "string" ? [{ file: `${conf.dataDir}/${tag}.json`, why: entry }] : [],
    ),
    inUse,
  });
  return {
    plan,
    findings,
    unclaimed: unclaimedOf(conf.name, strays, inUse),
    summary: `${complete.length} pods, ${plan.installed} of ${plan.wanted} rules or map elements`,
  };
}

async function inUseNow({ node }: Opened): Promise<ReadonlySet<string> | undefined> {
  return addressesInUse(createPrograms(node.exec));
}

function isUnfinished({ node }: Opened, { state, owner }: Attachment): boolean {
  return state !== "complete" && !node.isAlive(owner);
}

function isAmong(abandoned: readonly Abandoned[], tag: string): boolean {
  return abandoned.some((each) => each.tag === tag);
}

/** What an ADD of today would do otherwise, although it is not done to running pods. */
function ignoredChanges(
  { conf }: Opened,
  records: readonly SeenRecord[],
  pods: PodView | undefined,
): readonly Rewriting[] {
  return records.flatMap((record) => {
    const decision = decide({ ...conf, onAnnotationChange: "apply" }, record.attachment, pods);
    return decision.kind === "change" ? [{ ...record, ...decision }] : [];
  });
}

/** Foreign rules on the addresses of pods on record, and what could not be read. */
export async function lookForForeign(
  opened: Opened,
): Promise<{ readonly findings: readonly Finding[]; readonly unseen: readonly string[] }> {
  const foreign = await foreignOf(opened);
  const entries = [...readEntries(opened.node.journal).values()];
  const attachments = entries.filter((entry) => typeof entry !== "string");
  return {
    findings: foreignMarks(opened.conf, attachments.map(markedPod), foreign.rules),
    unseen: foreign.unseen,
  };
}
