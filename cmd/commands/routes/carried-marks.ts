/** The marks of the pods that run, by the records of their attachments. */
import type { Journal } from "../../../lib/attachment/journal";
import type { CarriedMark } from "../../../lib/routes/model";

/**
 * The marks of all records that can be read. Throws CniError `journal` when the journal cannot be
 * trusted.
 */
export function carriedMarks(journal: Journal): readonly CarriedMark[] {
  return journal.tags().flatMap((tag) => {
    const record = journal.read(tag);
    if (record === undefined || "corrupt" in record) return [];
    const { mark, pod, key, addresses } = record.attachment;
    if (mark === undefined) return [];
    return [
      {
        ...{ mark, addresses },
        pod:
          pod === undefined
            ? `container ${key.containerId.slice(0, 12)}`
            : `${pod.namespace}/${pod.name}`,
      },
    ];
  });
}
