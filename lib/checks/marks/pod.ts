import { attachmentLabel } from "../../attachment/collect";
import type { Attachment } from "../../attachment/journal";

/** `<namespace>/<pod>`, or the container where no pod is known. */
export function podOf(attachment: Attachment): string {
  const { pod } = attachment;
  return pod === undefined ? attachmentLabel(attachment) : `${pod.namespace}/${pod.name}`;
}
