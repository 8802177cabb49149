import { delegateNetconf, distinctDelegates } from "../../delegates/netconf";
import { runDelegate } from "../../delegates/run";
import { CniError, toCniError } from "../cni/error";
import { isObject, own, quote } from "../cni/json";
import type { Attachment } from "../journal";
import type { Json } from "../ports";
import { forget, isLive, startDeleting } from "./claim";
import type { Context } from "./context";
import { tearDown } from "./tear-down";

/**
 * GC: takes down every attachment of this network that the runtime does not list, then forwards to
 * the delegates. An absent list means "unknown" and deletes nothing; null and [] mean "none".
 * Goes on after a failure, reports at the end.
 */
export async function gc(context: Context): Promise<string> {
  const valid = validTags(context);
  const failures: CniError[] = [];
  const note = (error: unknown): void => void failures.push(toCniError(error));
  if (valid !== undefined) await collectStale(context, valid, note).catch(note);
  for (const delegate of distinctDelegates(context.conf)) {
    await runDelegate(context.delegate, "GC", delegateNetconf(context.conf, delegate, "GC", undefined)).catch(note);
  }
  const [first, ...others] = failures;
  if (first !== undefined) throw others.reduce((error, other) => error.withDetails(other.message), first);
  return "";
}

function validTags(context: Context): ReadonlySet<string> | undefined {
  const lists = context.conf.gc;
  const key = ["cni.dev/valid-attachments", "cni.dev/attachments"].find((name) => Object.hasOwn(lists, name));
  if (key === undefined) return undefined;
  const value = own(lists, key) ?? [];
  if (!Array.isArray(value)) throw malformed(key, value);
  return new Set((value as readonly Json[]).map((entry) => tagOfEntry(context, key, entry)));
}

function tagOfEntry(context: Context, listKey: string, entry: Json): string {
  const containerId = isObject(entry) ? own(entry, "containerID") : undefined;
  const ifname = isObject(entry) ? own(entry, "ifname") : undefined;
  if (typeof containerId !== "string" || typeof ifname !== "string" || containerId === "" || ifname === "") {
    throw malformed(listKey, entry);
  }
  return context.tagOf({ network: context.key.network, containerId, ifname });
}

/** Throws only when it cannot look; a failure with one attachment is noted, and the others are done. */
async function collectStale(context: Context, valid: ReadonlySet<string>, note: (error: unknown) => void): Promise<void> {
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

// Rules are listed before the journal is read: an ADD writes its intent before its rules, so a rule
// without a record really has none.
async function staleTags(context: Context, valid: ReadonlySet<string>): Promise<readonly string[]> {
  const ruleTags = (await context.rules.list()).map((rule) => rule.tag);
  const tags = new Set([...ruleTags, ...context.journal.tags()]);
  return [...tags].filter((tag) => tag.startsWith(context.networkPrefix) && !valid.has(tag));
}

// Asked for all of them before the first is touched: an ADD that ends meanwhile is newer than the list.
function isBeingAdded(context: Context, tag: string): boolean {
  const record = context.journal.read(tag);
  if (record === undefined || !("attachment" in record)) return false;
  return record.attachment.state === "intent" && isLive(context, record.attachment);
}

async function collectGarbage(context: Context, tag: string): Promise<void> {
  const attachment = await startDeleting(context, tag);
  if (attachment === undefined) await context.rules.remove([tag]);
  else await tearDown(contextFor(context, attachment, tag), attachment, attachment.result);
  await forget(context, tag, attachment);
}

/** The context of a DEL for that attachment, environment included: GC itself has no container. */
function contextFor(context: Context, attachment: Attachment, tag: string): Context {
  const { key, netns } = attachment;
  const env = { ...context.delegate.env, CNI_CONTAINERID: key.containerId, CNI_IFNAME: key.ifname, CNI_NETNS: netns };
  return { ...context, key, tag, delegate: { ...context.delegate, env } };
}

function malformed(key: string, value: Json): CniError {
  return new CniError(
    "invalidConfig",
    `${key} must be a list of {"containerID", "ifname"}, got ${quote(value)}: nothing was removed`,
  );
}
