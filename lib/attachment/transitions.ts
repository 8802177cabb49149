/**
 * The steps of one attachment's record through its life, each atomic under the lock of the record
 * (decision 0004).
 */
import { CniError, toCniError } from "../cni/error";
import { quote } from "../cni/json";
import { podRef, type Request, type PodRef } from "../cni/request";
import {
  attachmentIn,
  UnusableRecord,
  type Attachment,
  type JournalRecord,
  type Owner,
} from "./journal";
import type { Context } from "./context";

/**
 * Writes the intent to add; then it returns undefined. A live attachment under the same key is
 * refused and left alone, and so is a record that cannot be read. What a crashed ADD or DEL left is
 * returned instead, marked as being deleted by us: the caller tears it down and comes again.
 * Throws CniError `duplicateAttachment`, `journal`, `tryAgainLater` (a DEL of it is under way).
 */
export function reserve(context: Context, intent: Attachment): Promise<Attachment | undefined> {
  const { tag } = context.request;
  return locked(context, tag, async () => {
    const existing = readable(context);
    const remainder = existing === undefined || isDone(context, existing) ? undefined : existing;
    if (remainder !== undefined) refuseInUse(context, remainder);
    context.node.journal.write(
      tag,
      remainder === undefined ? intent : asDeleting(context, remainder),
    );
    context.request.unfinished.add(tag);
    return remainder;
  });
}

// Torn down by us just now; or written by a DEL without a record, which then died.
function isDone(context: Context, { state, owner, unknown }: Attachment): boolean {
  return (
    state === "deleting" &&
    (isSelf(context, owner) || (unknown === true && !context.node.isAlive(owner)))
  );
}

function readable({ node, request }: Context): Attachment | undefined {
  const { tag, key } = request;
  const record = node.journal.read(tag);
  if (record === undefined || "attachment" in record) return record?.attachment;
  throw new CniError(
    "journal",
    `container ${key.containerId}, interface ${quote(key.ifname)}: its journal record ${tag} is unusable (${record.corrupt}), ` +
      `so it may be in use: DEL it before adding again`,
  );
}

function refuseInUse(context: Context, existing: Attachment): void {
  const { containerId, ifname, network } = existing.key;
  const { takesOver } = context.request;
  if (
    takesOver !== undefined &&
    isSameOwner(existing.owner, takesOver) &&
    isAtWork(context, existing)
  ) {
    throw new CniError(
      "tryAgainLater",
      `container ${containerId}, interface ${quote(ifname)}: the agent (process ${takesOver.pid}) stopped answering while it added it: ` +
        "DEL it and add it again; look for what holds the agent up, or restart it",
    );
  }
  if (isLive(context, existing)) {
    throw new CniError(
      "duplicateAttachment",
      `container ${containerId} already has interface ${quote(ifname)} on network "${network}" ` +
        `(added ${existing.since}): it was left as it is; DEL it before adding again`,
    );
  }
  if (existing.state === "deleting" && context.node.isAlive(existing.owner)) {
    throw new CniError(
      "tryAgainLater",
      `container ${containerId}, interface ${quote(ifname)}: its deletion by process ${existing.owner.pid} is still under way; add it again after that`,
    );
  }
}

/** Throws CniError `superseded` unless the record is still the intent of this request. */
export function confirmIntent({ node, request }: Context): void {
  const record = node.journal.read(request.tag);
  const current = record !== undefined && "attachment" in record ? record.attachment : undefined;
  if (current?.state === "intent" && isSelf({ node, request }, current.owner)) return;
  throw new CniError(
    "superseded",
    `container ${request.key.containerId} was deleted while its interface was being added: nothing was kept`,
  );
}

/**
 * Writes what this ADD knows by now over its intent; with the state `complete` the ADD is done. Throws CniError
 * `superseded` when a DEL came in between.
 */
export function advance(context: Context, attachment: Attachment): Promise<void> {
  const { tag } = context.request;
  return locked(context, tag, async () => {
    confirmIntent(context);
    context.node.journal.write(tag, attachment);
    if (attachment.state === "complete") context.request.unfinished.delete(tag);
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
      context.request.warn(
        new CniError(
          "journal",
          `journal record ${tag} is unusable (${record.corrupt}): going on by the rules' tag and the conflist`,
        ),
      );
      return undefined;
    }
    const found =
      record?.attachment ?? (tag === context.request.tag ? unknownTo(context) : undefined);
    if (found !== undefined) markDeleting(context, tag, found);
    return found?.unknown === true ? undefined : found;
  });
}

/**
 * Marks a record as being deleted by us if it is still the one that was `seen` and nobody works on it;
 * otherwise leaves it alone and returns false.
 */
export function startCollecting(context: Context, tag: string, seen: Attachment): Promise<boolean> {
  return locked(context, tag, async () => {
    const record = context.node.journal.read(tag);
    if (record === undefined || !("attachment" in record)) return false;
    const { attachment } = record;
    if (JSON.stringify(attachment) !== JSON.stringify(seen) || isAtWork(context, attachment))
      return false;
    markDeleting(context, tag, attachment);
    return true;
  });
}

/** Marks the record of our own finished ADD as being deleted by us; undefined when a DEL or `takeOver` was faster. */
export function startTakingBack(context: Context): Promise<Attachment | undefined> {
  const { tag, owner } = context.request;
  return finishedBy(context, owner, (attachment) => markDeleting(context, tag, attachment));
}

/** Changes the record of `owner`'s finished ADD; undefined when it is not, or not that request's, any more. */
export function finishedBy(
  context: Context,
  owner: Owner,
  change: (attachment: Attachment) => void,
): Promise<Attachment | undefined> {
  return locked(context, context.request.tag, async () => {
    const attachment = attachmentIn(context.node.journal, context.request.tag);
    if (attachment?.state !== "complete" || !isSameOwner(attachment.owner, owner)) return undefined;
    change(attachment);
    return attachment;
  });
}

// A link, a FIFO or a foreign file in the record's place would make every DEL fail until somebody removes it.
function readOrSetAside({ node, request }: Context, tag: string): JournalRecord {
  const { journal } = node;
  try {
    return journal.read(tag);
  } catch (error) {
    if (!(error instanceof UnusableRecord)) throw error;
    request.warn(
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
    context.node.journal.write(tag, asDeleting(context, attachment));
    context.request.unfinished.add(tag);
  } catch (error) {
    context.request.warn(toCniError(error));
  }
}

function unknownTo({ node, request }: Context): Attachment {
  const { cni, conf, key, owner } = request;
  const since = node.clock.now().toISOString();
  const pod = podIfNamed(cni);
  return {
    format: 1,
    state: "deleting",
    key,
    netns: cni.netns,
    owner,
    unknown: true,
    ...(pod === undefined ? {} : { pod }),
    addresses: [],
    cniVersion: conf.cniVersion,
    since,
  };
}

// For people only: a DEL must not fail because of the pod's name.
function podIfNamed(request: Request): PodRef | undefined {
  try {
    return podRef(request);
  } catch {
    return undefined;
  }
}

/**
 * Removes the record of what has been taken down, unless another request has taken the record over in the
 * meantime. `found` is what startDeleting returned: a record that could not be marked.
 */
export function forget(
  context: Context,
  tag: string,
  found: Attachment | undefined,
): Promise<void> {
  return locked(context, tag, async () => {
    const record = context.node.journal.read(tag);
    if (
      record === undefined ||
      !("attachment" in record) ||
      isOursToRemove(context, record.attachment, found)
    )
      context.node.journal.remove(tag);
    context.request.unfinished.delete(tag);
  });
}

/** At the request's end: nobody is at work any more on what it leaves. An agent's process goes on. Never throws. */
export async function release(context: Context): Promise<void> {
  for (const tag of context.request.unfinished) {
    await locked(context, tag, async () => {
      const attachment = attachmentIn(context.node.journal, tag);
      if (attachment === undefined || !isSelf(context, attachment.owner)) return;
      const owner = { ...attachment.owner, startTime: "" };
      context.node.journal.write(tag, { ...attachment, owner });
    }).catch((error: unknown) => context.request.warn(toCniError(error)));
  }
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
  return { ...attachment, state: "deleting", owner: context.request.owner };
}

// A process may serve many requests at once, and none is the other. An owner without a request is the
// whole process: versions that served one request each wrote it.
function isSelf({ request: { owner: self } }: Context, owner: Owner): boolean {
  return (
    owner.pid === self.pid &&
    owner.startTime === self.startTime &&
    (owner.request === undefined || owner.request === self.request)
  );
}

/** True when both are the same request of the same process. */
export function isSameOwner(one: Owner, other: Owner): boolean {
  return (
    one.pid === other.pid && one.startTime === other.startTime && one.request === other.request
  );
}

/** True while the process that adds or deletes it runs. */
export function isAtWork(context: Context, { state, owner }: Attachment): boolean {
  return state !== "complete" && context.node.isAlive(owner);
}

/** True for an attachment that is in use, or being added by a process that still runs. */
export function isLive(context: Context, attachment: Attachment): boolean {
  if (attachment.state === "complete") return true;
  return attachment.state === "intent" && context.node.isAlive(attachment.owner);
}

function locked<T>(context: Context, tag: string, body: () => Promise<T>): Promise<T> {
  return context.node.locks.hold([tag], context.request.conf.lockTimeoutMs, body);
}
