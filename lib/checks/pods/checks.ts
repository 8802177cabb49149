/** The checks of the marks of pods. */
import { CniError } from "../../cni/error";
import { outside, tenantPools } from "../../../conf/pools";
import type { PluginConf } from "../../../conf/types";
import { formatCidr } from "../../net/address";
import { decide } from "../../reconcile/decide";
import type { PodView } from "../../reconcile/ports";
import type { Node } from "../../attachment/context";
import type { Attachment } from "../../attachment/journal";
import type { ApiLook } from "../../kube/watch/once";
import { findingOf, type Finding } from "../finding";
import { PODS } from "../kinds/pods";
import type { Check, Looked } from "../run";
import { viewOfApi } from "./api-view";
import { lookTwice } from "./confirm";
import { readSave } from "../../text/iptables-save";
import type { Foreign } from "../foreign/read";
import { foreignMarks, markedPod, untrackedPods, type MarkedPod } from "./foreign-rules";
import { readEntries } from "./look";
import { markFindings, markText, podName, unclaimedFinding, unclaimedOf } from "./mark-findings";

export interface PodsView {
  /** Throws when there is no conflist. */
  readonly conf: () => PluginConf;
  readonly node: () => Node;
  /** What every iptables program of this node prints, or why it prints nothing. */
  readonly saved: () => Promise<
    readonly ({ readonly program: string } & (
      { readonly text: string } | { readonly problem: string }
    ))[]
  >;
  /** Rules of others that write marks, of every firewall. */
  readonly foreign: () => Promise<Foreign>;
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
    check("pools", true, async () => lookAtPools(view)),
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

async function lookForForeign({ conf, node, saved, foreign }: PodsView): Promise<Looked> {
  const pods = attachedPods(node());
  const [listings, { rules, unseen }] = await Promise.all([saved(), foreign()]);
  const [unread] = unseen;
  if (unread !== undefined) throw new CniError("io", unread);
  const saves = listings.flatMap((each) =>
    "text" in each ? readSave(each.program, each.text).rules : [],
  );
  return { findings: [...foreignMarks(conf(), pods, rules), ...untrackedPods(saves, pods)] };
}

/** Pods that run, with their addresses. */
export function attachedPods(node: Pick<Node, "journal">): readonly MarkedPod[] {
  return attachments(node).map(markedPod);
}

function lookAtPools({ conf, node }: PodsView): Looked {
  const settings = conf();
  return { findings: attachments(node()).flatMap((each) => poolFindings(settings, each)) };
}

/** Pure: addresses of a pod outside of the networks from which a new pod of its tenant would get one. */
export function poolFindings(
  { delegate, tenants = [] }: Pick<PluginConf, "delegate" | "tenants">,
  attachment: Attachment,
): readonly Finding[] {
  if (delegate === undefined || attachment.delegate === undefined) return [];
  const tenant = tenants.find(({ name }) => name === attachment.tenant);
  const networks = tenantPools(delegate, tenant ?? { delegate: undefined });
  const addresses = networks.length === 0 ? [] : outside(networks, attachment.addresses);
  if (addresses.length === 0) return [];
  const pod = podName(attachment);
  const facts = { pod, addresses, pools: networks.map(formatCidr) };
  return [findingOf(PODS, "address-outside-pool", facts, pod)];
}

function attachments({ journal }: Pick<Node, "journal">): readonly Attachment[] {
  return [...readEntries(journal).values()].flatMap((entry) =>
    typeof entry === "string" || entry.state !== "complete" ? [] : [entry],
  );
}

async function compareAnnotations({ conf, node, api }: PodsView): Promise<Looked> {
  const settings = conf();
  if (settings.kubeconfig === undefined) return { findings: [], skipped: "" };
  const { pods, namespaces } = await api(settings.kubeconfig);
  if ("refusal" in pods) throw new CniError("io", pods.refusal.message);
  const view = viewOfApi(pods.value, namespaces);
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
