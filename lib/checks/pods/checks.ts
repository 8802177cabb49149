/** The checks of the marks of pods. */
import { CniError } from "../../cni/error";
import type { PluginConf } from "../../../conf/types";
import { decide } from "../../reconcile/decide";
import type { PodView } from "../../reconcile/ports";
import type { Node } from "../../attachment/context";
import type { Attachment } from "../../attachment/journal";
import type { ApiLook } from "../../kube/watch/once";
import { findingOf, type Finding } from "../finding";
import { PODS } from "../kinds/pods";
import type { Check, Looked } from "../run";
import { lookTwice } from "./confirm";
import { foreignMarks, untrackedPods, type MarkedPod } from "./foreign-rules";
import { readEntries } from "./look";
import { markFindings, markText, podName, unclaimedFinding, unclaimedOf } from "./mark-findings";
import { savedRules, type SavedTables } from "./save";

export interface PodsView {
  /** Throws when there is no conflist. */
  readonly conf: () => PluginConf;
  readonly node: () => Node;
  /** What every iptables program of this node prints, or why it prints nothing. */
  readonly saved: () => Promise<
    readonly (SavedTables | { readonly program: string; readonly problem: string })[]
  >;
  /** Addresses that somebody on this node has; undefined: not all of them can be seen. */
  readonly inUse: () => Promise<ReadonlySet<string> | undefined>;
  readonly api: (kubeconfig: string) => Promise<ApiLook>;
}

/** The checks of this category. */
export function podsChecks(view: PodsView): readonly Check[] {
  const check = (name: string, local: boolean, look: () => Promise<Looked>): Check => ({
    ...{ name, category: "pods", local, look },
  });
  return [
    check("marks", true, () => lookAtMarks(view)),
    check("foreign rules", true, () => lookForForeign(view)),
    check("annotations", false, () => compareAnnotations(view)),
  ];
}

async function lookAtMarks({ conf, node: open, inUse }: PodsView): Promise<Looked> {
  const { dataDir, name } = conf();
  const node = open();
  const marks = node.backend.open({});
  const observed = { ...node, marks, checkDelegate: undefined };
  const look = await lookTwice(observed, readEntries(node.journal));
  const isGone = ({ netns, seenFrom }: Attachment): boolean =>
    node.sandboxState(netns, seenFrom) === "gone";
  const sights = [...look.sights.values()];
  const pieces = sights.reduce((sum, sight) => sum + sight.marks.found, 0);
  const unclaimed = look.strays.length === 0 ? [] : unclaimedOf(name, look.strays, await inUse());
  return {
    findings: [...markFindings({ look, dataDir, isGone }), ...unclaimed.map(unclaimedFinding)],
    summary: `${sights.length} pods, ${pieces} marks`,
  };
}

async function lookForForeign({ conf, node, saved }: PodsView): Promise<Looked> {
  const pods = attachedPods(node());
  const listings = await saved();
  const unread = listings.find((each) => "problem" in each);
  if (unread !== undefined && "problem" in unread) throw new CniError("io", unread.problem);
  const rules = listings.flatMap((each) => ("text" in each ? savedRules(each) : []));
  const tenants = (conf().tenants ?? []).map(({ name, mark }) => ({ name, mark }));
  return { findings: [...foreignMarks(rules, pods, tenants), ...untrackedPods(rules, pods)] };
}

/** Pods that run, with their addresses. */
export function attachedPods(node: Pick<Node, "journal">): readonly MarkedPod[] {
  return attachments(node).map(markedPod);
}

function attachments({ journal }: Pick<Node, "journal">): readonly Attachment[] {
  return [...readEntries(journal).values()].flatMap((entry) =>
    typeof entry === "string" || entry.state !== "complete" ? [] : [entry],
  );
}

function markedPod(attachment: Attachment): MarkedPod {
  const { addresses, mark, markReplies = false } = attachment;
  return { pod: podName(attachment), addresses, mark, markReplies };
}

async function compareAnnotations({ conf, node, api }: PodsView): Promise<Looked> {
  const settings = conf();
  if (settings.kubeconfig === undefined) return { findings: [], skipped: "" };
  const { pods, namespaces } = await api(settings.kubeconfig);
  if ("refusal" in pods) throw new CniError("io", pods.refusal.message);
  const byName = new Map(pods.value.map((seen) => [`${seen.namespace}/${seen.name}`, seen]));
  const view: PodView = {
    pod: (namespace, name) => {
      const seen = byName.get(`${namespace}/${name}`);
      return seen?.annotations && { uid: seen.uid, annotations: seen.annotations };
    },
    namespace: (name) => {
      const found = namespaces.get(name);
      return found !== undefined && "value" in found ? found.value : undefined;
    },
  };
  return { findings: attachments(node()).flatMap((each) => changeFindings(settings, each, view)) };
}

/** Pure: what the annotations of today make of a pod's mark, or would where changes are ignored. */
export function changeFindings(
  conf: PluginConf,
  attachment: Attachment,
  view: PodView,
): readonly Finding[] {
  const pod = podName(attachment);
  const decision = decide({ ...conf, onAnnotationChange: "apply" }, attachment, view);
  switch (decision.kind) {
    case "keep":
      return [];
    case "refused":
      return [findingOf(PODS, "annotation-refused", { pod, why: decision.why }, pod)];
    case "change": {
      const facts = { pod, have: markText(attachment), want: markText(decision.next) };
      const isIgnored = conf.onAnnotationChange === "ignore";
      return [findingOf(PODS, isIgnored ? "annotation-ignored" : "annotation-changed", facts, pod)];
    }
  }
}
