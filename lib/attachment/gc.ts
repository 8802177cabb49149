import { delegateNetconf, distinctDelegates } from "../../delegates/netconf";
import { runDelegate } from "../../delegates/run";
import { networkPrefix, attachmentTag } from "../marks/tag";
import { CniError, throwTogether, toCniError } from "../cni/error";
import { isObject, own, quote, type Json } from "../cni/json";
import { UnusableRecord, type JournalRecord } from "./journal";
import { collectAbandoned, contextFor, findAbandoned, type Abandoned } from "./collect";
import type { Context } from "./context";
import { tearDown } from "./tear-down";
import { forget, isLive, startDeleting } from "./transitions";

/**
 * GC: takes down every attachment of this network that the runtime does not list, then forwards to
 * the delegates. An absent list means "unknown" and deletes only what has lost its sandbox; null and []
 * mean "none". Goes on after a failure and throws all of them together at the end.
 */
export async function gc(context: Context): Promise<string> {
  const { conf } = context.request;
  const valid = validTags(context);
  const failures: CniError[] = [];
  const note = (error: unknown): void => void failures.push(toCniError(error));
  if (valid !== undefined) await collectStale(context, valid, note).catch(note);
  await context.node.locks.sweep();
  for (const abandoned of abandonedHere(context, valid))
    await collectAbandoned(context, abandoned).catch(note);
  for (const delegate of distinctDelegates(conf)) {
    await runDelegate(
      context.request.delegate,
      "GC",
      delegateNetconf(conf, delegate, "GC", undefined),
    ).catch(note);
  }
  throwTogether(failures);
  return "";
}

function abandonedHere(
  context: Context,
  valid: ReadonlySet<string> | undefined,
): readonly Abandoned[] {
  const prefix = networkPrefix(context.request.conf.name);
  return findAbandoned(context).filter(
    ({ tag }) => tag.startsWith(prefix) && valid?.has(tag) !== true,
  );
}

function validTags(context: Context): ReadonlySet<string> | undefined {
  const lists = context.request.conf.gc;
  const key = ["cni.dev/valid-attachments", "cni.dev/attachments"].find((name) =>
    Object.hasOwn(lists, name),
  );
  if (key === undefined) return undefined;
  const value = own(lists, key) ?? [];
  if (!Array.isArray(value)) throw malformed(key, value);
  return new Set((value as readonly Json[]).map((entry) => tagOfEntry(context, key, entry)));
}

function tagOfEntry(context: Context, listKey: string, entry: Json): string {
  const containerId = isObject(entry) ? own(entry, "containerID") : undefined;
  const ifname = isObject(entry) ? own(entry, "ifname") : undefined;
  if (
    typeof containerId !== "string" ||
    typeof ifname !== "string" ||
    containerId === "" ||
    ifname === ""
  ) {
    throw malformed(listKey, entry);
  }
  return attachmentTag({ network: context.request.key.network, containerId, ifname });
}

/** Throws only when it cannot look; a failure with one attachment is noted, and the others are done. */
async function collectStale(
  context: Context,
  valid: ReadonlySet<string>,
  note: (error: unknown) => void,
): Promise<void> {
  const finished = (await staleTags(context, valid)).filter((tag) => {
    try {
      return !isBeingAdded(context, tag);
    } catch (error) {
      note(error);
      return false;
    }
  });
  for (const tag of finished) await collectGarbage(context, tag).catch(note);
}

// Marks are listed before the journal is read: an ADD writes its intent before it marks, so a mark
// without a record really has none.
async function staleTags(context: Context, valid: ReadonlySet<string>): Promise<readonly string[]> {
  const { node, request } = context;
  const prefix = networkPrefix(request.conf.name);
  const installed = (await request.marks.list()).map((mark) => mark.tag);
  const tags = new Set([...installed, ...node.journal.tags()]);
  return [...tags].filter((tag) => tag.startsWith(prefix) && !valid.has(tag));
}

// Asked of all before the first is touched: an ADD that ends in the meantime is newer than the list.
function isBeingAdded(context: Context, tag: string): boolean {
  const record = readUnlessUnusable(context, tag);
  if (record === undefined || !("attachment" in record)) return false;
  return record.attachment.state === "intent" && isLive(context, record.attachment);
}

// A record that is not our file belongs to no ADD; it is moved aside when its turn to be deleted comes.
function readUnlessUnusable({ node }: Context, tag: string): JournalRecord {
  try {
    return node.journal.read(tag);
  } catch (error) {
    if (error instanceof UnusableRecord) return undefined;
    throw error;
  }
}

async function collectGarbage(context: Context, tag: string): Promise<void> {
  const attachment = await startDeleting(context, tag);
  if (attachment === undefined) await context.request.marks.remove([tag]);
  else
    await tearDown(
      contextFor(context, attachment, tag, attachment.netns),
      attachment,
      attachment.result,
    );
  await forget(context, tag, attachment);
}

function malformed(key: string, value: Json): CniError {
  return new CniError(
    "invalidConfig",
    `${key} must be a list of {"containerID", "ifname"}, got ${quote(value)}: nothing was removed`,
  );
}
