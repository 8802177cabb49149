/**
 * The journal's transitions of one attachment, each atomic under the lock of its record
 * (decision 0004).
 */
import { CniError, toCniError } from "../cni/error";
import { quote } from "../cni/json";
import { podRef, type Request } from "../cni/request";
import { UnusableRecord, type Attachment, type JournalRecord } from "./journal";
import type { ProcessId } from "../node/processes";
import type { PodRef } from "../ports";
import type { Context } from "./context";

/**
 * Writes the intent to add; then it returns undefined. A live attachment under the same key is
 * refused and left alone, and so is a record that cannot be read. What a crashed ADD or DEL left is
 * returned instead, marked as being deleted by us: the caller tears it down and claims again.
 * Throws CniError `duplicateAttachment`, `journal`, `tryAgainLater` (a DEL of it is under way).
 */
export function claim(context: Context, intent: Attachment): Promise<Attachment | undefined> {
  return locked(context, context.tag, async () => {
    const existing = readable(context);
    const remainder = existing === undefined || isDone(context, existing) ? undefined : existing;
    if (remainder !== undefined) refuseInUse(context, remainder);
    context.journal.write(
      context.tag,
      remainder === undefined ? intent : asDeleting(context, remainder),
    );
    return remainder;
  });
}

// Torn down by us just now; or the mark of a DEL that died, about something that it did not know.
function isDone(context: Context, { state, owner, unknown }: Attachment): boolean {
  return (
    state === "deleting" &&
    (isSelf(context, owner) || (unknown === true && !context.isAlive(owner)))
  );
}

function readable({ journal, tag, key }: Context): Attachment | undefined {
  const record = journal.read(tag);
  if (record === undefined || "attachment" in record) return record?.attachment;
  throw new CniError(
    "journal",
    `container ${key.containerId}, interface ${quote(key.ifname)}: its journal record ${tag} is unusable (${record.corrupt}), ` +
      `so it may be in use: DEL it before adding again`,
  );
}

function refuseInUse(context: Context, existing: Attachment): void {
  const { containerId, ifname, network } = existing.key;
  if (isLive(context, existing)) {
    throw new CniError(
      "duplicateAttachment",
      `container ${containerId} already has interface ${quote(ifname)} on network "${network}" ` +
        `(added ${existing.since}): it was left as it is; DEL it before adding again`,
    );
  }
  if (existing.state === "deleting" && context.isAlive(existing.owner)) {
    throw new CniError(
      "tryAgainLater",
      `container ${containerId}, interface ${quote(ifname)}: its deletion by process ${existing.owner.pid} is still under way; add it again after that`,
    );
  }
}

/**
 * Turns the intent into a complete record. Throws CniError `superseded` when a DEL came in between.
 */
export function complete(context: Context, attachment: Attachment): Promise<void> {
  return locked(context, context.tag, async () => {
    const record = context.journal.read(context.tag);
    const current = record !== undefined && "attachment" in record ? record.attachment : undefined;
    if (current?.state !== "intent" || !isSelf(context, current.owner)) {
      throw new CniError(
        "superseded",
        `container ${context.key.containerId} was deleted while its interface was being added: nothing was kept`,
      );
    }
    context.journal.write(context.tag, attachment);
  });
}

/**
 * Marks the record as being deleted by us and returns it as it was; undefined when there is no usable
 * one. Our own key is marked without a record too, so that no ADD begins what a DEL then takes away.
 */
export function startDeleting(context: Context, tag: string): Promise<Attachment | undefined> {
  return locked(context, tag, async () => {
    const record = readOrSetAside(context, tag);
    if (record !== undefined && "corrupt" in record) {
      context.warn(
        new CniError(
          "journal",
          `journal record ${tag} is unusable (${record.corrupt}): going on by the rules' tag and the conflist`,
        ),
      );
      return undefined;
    }
    const found = record?.attachment ?? (tag === context.tag ? unknownTo(context) : undefined);
    if (found !== undefined) markDeleting(context, tag, found);
    return found?.unknown === true ? undefined : found;
  });
}

/**
 * Marks a record as being deleted by us if it is still the one that was `seen`, and nobody is at work on
 * it; otherwise leaves it alone and returns false.
 */
export function startCollecting(context: Context, tag: string, seen: Attachment): Promise<boolean> {
  return locked(context, tag, async () => {
    const record = context.journal.read(tag);
    if (record === undefined || !("attachment" in record)) return false;
    const { attachment } = record;
    if (JSON.stringify(attachment) !== JSON.stringify(seen) || isAtWork(context, attachment))
      return false;
    markDeleting(context, tag, attachment);
    return true;
  });
}

// A link, a FIFO or a stranger's file in the record's place would make every DEL fail until somebody removes it.
function readOrSetAside({ journal, warn }: Context, tag: string): JournalRecord {
  try {
    return journal.read(tag);
  } catch (error) {
    if (!(error instanceof UnusableRecord)) throw error;
    warn(
      new CniError(
        "journal",
        `${error.message}: it was moved to ${journal.setAside(tag)}, going on by the rules' tag and the conflist`,
      ),
    );
    return undefined;
  }
}

// A full disk must not keep DEL from going on: removing the record needs no space.
function markDeleting(context: Context, tag: string, attachment: Attachment): void {
  try {
    context.journal.write(tag, asDeleting(context, attachment));
  } catch (error) {
    context.warn(toCniError(error));
  }
}

function unknownTo({ key, request, self, conf, delegate }: Context): Attachment {
  const since = delegate.clock.now().toISOString();
  const pod = podIfNamed(request);
  return {
    format: 1,
    state: "deleting",
    key,
    netns: request.netns,
    owner: self,
    unknown: true,
    ...(pod === undefined ? {} : { pod }),
    addresses: [],
    cniVersion: conf.cniVersion,
    since,
  };
}

// For people only: a DEL goes on, whatever the runtime calls the pod.
function podIfNamed(request: Request): PodRef | undefined {
  try {
    return podRef(request);
  } catch {
    return undefined;
  }
}

/**
 * Removes the record of what has been taken down, and leaves it alone when it has become somebody
 * else's meanwhile. `found` is what startDeleting returned: a record that could not be marked.
 */
export function forget(
  context: Context,
  tag: string,
  found: Attachment | undefined,
): Promise<void> {
  return locked(context, tag, async () => {
    const record = context.journal.read(tag);
    if (
      record !== undefined &&
      "attachment" in record &&
      !isOursToRemove(context, record.attachment, found)
    )
      return;
    context.journal.remove(tag);
  });
}

function isOursToRemove(
  context: Context,
  current: Attachment,
  found: Attachment | undefined,
): boolean {
  if (current.state !== "complete" && isSelf(context, current.owner)) return true;
  return JSON.stringify(current) === JSON.stringify(found);
}

function asDeleting(context: Context, attachment: Attachment): Attachment {
  return { ...attachment, state: "deleting", owner: context.self };
}

function isSelf({ self }: Context, process: ProcessId): boolean {
  return process.pid === self.pid && process.startTime === self.startTime;
}

/** True while the process that adds or deletes it runs. */
export function isAtWork(context: Context, { state, owner }: Attachment): boolean {
  return state !== "complete" && context.isAlive(owner);
}

/** True for an attachment that is in use, or being added by a process that still runs. */
export function isLive(context: Context, attachment: Attachment): boolean {
  if (attachment.state === "complete") return true;
  return attachment.state === "intent" && context.isAlive(attachment.owner);
}

function locked<T>(context: Context, tag: string, body: () => Promise<T>): Promise<T> {
  return context.locks.hold([tag], context.conf.lockTimeoutMs, body);
}
