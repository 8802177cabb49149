import { delegateNetconf } from "../../delegates/netconf";
import { runDelegate } from "../../delegates/run";
import { CniError } from "../cni/error";
import { quote } from "../cni/json";
import type { Attachment } from "./journal";
import { driftOf, driftText } from "./drift";
import type { Context } from "./context";

/** CHECK: the delegate's CHECK, then what is installed against the journal. Changes nothing. */
export async function check(context: Context): Promise<string> {
  const { conf, tag, key, marks, delegate } = context.request;
  if (conf.prevResult === undefined) {
    throw new CniError(
      "invalidConfig",
      "CHECK needs prevResult, the result of the ADD: the runtime did not pass it",
    );
  }
  const attachment = recordOf(context);
  if (attachment.delegate !== undefined) {
    await runDelegate(
      delegate,
      "CHECK",
      delegateNetconf(conf, attachment.delegate, "CHECK", conf.prevResult),
    );
  }
  const drift = driftOf({ tag, attachment }, context.node.backend, await marks.list());
  if (drift.length > 0) {
    const pod =
      attachment.pod === undefined
        ? `container ${key.containerId}`
        : `pod ${attachment.pod.namespace}/${attachment.pod.name}`;
    throw new CniError(
      "ruleDrift",
      `${pod}: ${drift.map(driftText).join("; ")}: recreate the pod, or stop what changes the rules`,
    );
  }
  return "";
}

function recordOf({ node, request }: Context): Attachment {
  const record = node.journal.read(request.tag);
  const { containerId, ifname } = request.key;
  if (record === undefined) {
    throw new CniError(
      "attachmentUnknown",
      `container ${containerId}, interface ${quote(ifname)}: this plugin has no record of adding it; recreate the pod`,
    );
  }
  if ("corrupt" in record) {
    throw new CniError(
      "journal",
      `the record of container ${containerId} is unusable (${record.corrupt}): recreate the pod`,
    );
  }
  if (record.attachment.state !== "complete") {
    throw new CniError(
      "attachmentUnknown",
      `container ${containerId}: its ADD or DEL did not finish (state ${record.attachment.state})`,
    );
  }
  return record.attachment;
}
