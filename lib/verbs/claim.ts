/** The journal's transitions of one attachment, each atomic under the lock. */
import { CniError, toCniError } from "../cni/error";
import type { Attachment } from "../journal";
import type { Context } from "./context";

/**
 * Writes the intent to add. A live attachment under the same key is refused and left alone; a
 * remainder of a crashed ADD is returned, so that the caller can clean it up first.
 * Throws CniError `duplicateAttachment`, `journal`, `tryAgainLater`.
 */
export function claim(context: Context, intent: Attachment): Promise<Attachment | undefined> {
  return locked(context, async () => {
    const record = context.journal.read(context.tag);
    const existing = record !== undefined && "attachment" in record ? record.attachment : undefined;
    if (existing !== undefined && isLive(context, existing)) {
      const { containerId, ifname } = existing.key;
      throw new CniError(
        "duplicateAttachment",
        `container ${containerId} already has interface ${ifname} on network "${existing.key.network}" ` +
          `(added ${existing.since}): it was left as it is; DEL it before adding again`,
      );
    }
    context.journal.write(context.tag, intent);
    return existing;
  });
}

/**
 * Turns the intent into a complete record. Throws CniError `superseded` when a DEL came in between.
 */
export function complete(context: Context, attachment: Attachment): Promise<void> {
  return locked(context, async () => {
    const record = context.journal.read(context.tag);
    const current = record !== undefined && "attachment" in record ? record.attachment : undefined;
    if (current?.state !== "intent" || current.owner.pid !== context.self.pid) {
      throw new CniError(
        "superseded",
        `container ${context.key.containerId} was deleted while its interface was being added: nothing was kept`,
      );
    }
    context.journal.write(context.tag, attachment);
  });
}

/** Marks the record as going away and returns it as it was; undefined when there is no usable one. */
export function startDeleting(context: Context, tag: string): Promise<Attachment | undefined> {
  return locked(context, async () => {
    const record = context.journal.read(tag);
    if (record === undefined) return undefined;
    if ("corrupt" in record) {
      context.warn(
        new CniError("journal", `journal record ${tag} is unusable (${record.corrupt}): going on by the rules' tag and the conflist`),
      );
      return undefined;
    }
    if (record.attachment.state !== "deleting") {
      markDeleting(context, tag, record.attachment);
    }
    return record.attachment;
  });
}

// A full disk must not keep DEL from going on: removing the record needs no space.
function markDeleting(context: Context, tag: string, attachment: Attachment): void {
  try {
    context.journal.write(tag, { ...attachment, state: "deleting" });
  } catch (error) {
    context.warn(toCniError(error));
  }
}

/** True for an attachment that is in use, or being added by a process that still runs. */
export function isLive(context: Context, attachment: Attachment): boolean {
  if (attachment.state === "complete") return true;
  return attachment.state === "intent" && context.isAlive(attachment.owner);
}

function locked<T>(context: Context, body: () => Promise<T>): Promise<T> {
  return context.lock.hold(context.conf.lockTimeoutMs, body);
}
