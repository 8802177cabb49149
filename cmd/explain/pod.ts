/** The pod that a person means, by its record or by what the API server knows. */
import type { Node } from "../../lib/attachment/context";
import type { Attachment } from "../../lib/attachment/journal-record";
import { attachmentIn } from "../../lib/attachment/journal";
import { findPod, podUnknown } from "../../lib/explain/find-pod";
import type { PodFacts } from "../../lib/explain/model";

/** What is known of the pod before anything else is looked at. */
export interface Named {
  readonly facts: PodFacts;
  /** undefined: it has no record here. */
  readonly attachment: Attachment | undefined;
}

/**
 * The pod with this name, or with this container's ID. Throws CniError `attachmentUnknown` when neither
 * the journal nor the API server knows it, `invalidEnvironment` when several are meant.
 */
export async function namedPod(node: Node, asksApi: boolean, name: string): Promise<Named> {
  const { journal } = node;
  journal.inspect();
  const all = [...journal.tags()].sort().flatMap((tag) => attachmentIn(journal, tag) ?? []);
  const isGone = ({ netns, seenFrom }: Attachment): boolean =>
    node.sandboxState(netns, seenFrom) === "gone";
  const attachment = findPod(all, name, isGone);
  if (attachment !== undefined)
    return { attachment, facts: factsOf(attachment, isGone(attachment), node.isAlive) };
  if (!asksApi || !(await isKnown(node, name))) throw podUnknown(all, name);
  return { attachment: undefined, facts: unrecorded(name) };
}

function factsOf(attachment: Attachment, isGone: boolean, isAlive: Node["isAlive"]): PodFacts {
  const { key, pod, state, owner, netns } = attachment;
  const isOpen = state !== "complete" && !isAlive(owner);
  return {
    pod: pod === undefined ? `container ${key.containerId}` : `${pod.namespace}/${pod.name}`,
    containerId: key.containerId,
    unrecorded: undefined,
    unfinished: isOpen ? (state === "intent" ? "ADD" : "DEL") : undefined,
    source: attachment.source,
    tenant: attachment.tenant,
    mark: attachment.mark,
    markReplies: attachment.markReplies ?? false,
    backend: attachment.backend,
    netns: isGone ? undefined : netns,
    ifname: key.ifname,
    mtu: undefined,
  };
}

/** A kubelet's credentials read the pods of its own node only (Node authorizer), so such a pod runs here. */
async function isKnown(node: Node, name: string): Promise<boolean> {
  const [namespace = "", pod = "", ...rest] = name.split("/");
  if (namespace === "" || pod === "" || rest.length > 0) return false;
  try {
    const source = await node.pods();
    await source.read({ namespace, name: pod }, () => true);
    return true;
  } catch {
    return false;
  }
}

function unrecorded(pod: string): PodFacts {
  return {
    pod,
    containerId: undefined,
    unrecorded:
      "not asked: the pod has no attachment here, as with hostNetwork, or was started before this plugin",
    unfinished: undefined,
    source: undefined,
    tenant: undefined,
    mark: undefined,
    markReplies: false,
    backend: undefined,
    netns: undefined,
    ifname: undefined,
    mtu: undefined,
  };
}
