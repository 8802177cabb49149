/**
 * Attachments that nobody will delete: their sandbox is gone. A runtime that is killed in the middle of an
 * ADD has no result to remember it by, and never sends its DEL (containerd 1.7).
 */
import { CniError, toCniError } from "../cni/error";
import { attachmentIn, type Attachment } from "./journal";
import type { Context } from "./context";
import { createProgress } from "./facts";
import { tearDown } from "./tear-down";
import { forget, isAtWork, startCollecting } from "./transitions";

/** Younger records are left alone: their runtime may still be about to delete them (ms). */
const MIN_AGE_MS = 60_000;
/** How long one ADD takes for it, and waits for a delegate: the pod that it is for has to wait as long (ms). */
const PATIENCE_MS = 5_000;

/** An attachment whose sandbox is gone. */
export interface Abandoned {
  readonly tag: string;
  readonly attachment: Attachment;
}

/**
 * Attachments, of any network that shares the journal, whose network namespace no longer exists. Not
 * those that are younger than a minute, or that a living process is at work on.
 */
export function findAbandoned(context: Context): readonly Abandoned[] {
  return context.node.journal.tags().flatMap((tag) => {
    const attachment = attachmentIn(context.node.journal, tag);
    return attachment !== undefined && isAbandoned(context, attachment)
      ? [{ tag, attachment }]
      : [];
  });
}

/** Takes one down as its DEL would have. False when a DEL was faster. Throws CniError; what is left stays on record. */
export async function collectAbandoned(
  context: Context,
  { tag, attachment: seen }: Abandoned,
): Promise<boolean> {
  const own = contextFor(context, seen, tag, "");
  // What was seen may be long ago: other attachments came first.
  if (!isAbandoned(context, seen) || !(await startCollecting(own, tag, seen))) return false;
  // What a DEL without a record wrote before it died does not say what there is to undo.
  await tearDown(own, seen.unknown === true ? undefined : seen, seen.result);
  await forget(own, tag, seen);
  return true;
}

/** What an ADD does for its node now and then. Never fails, because it has nothing to do with the ADD's own pod. */
export async function collectNowAndThen(context: Context): Promise<void> {
  const { node, request } = context;
  try {
    if (!node.isCollectionDue()) return;
    await node.locks.sweep();
    const timeoutMs = Math.min(PATIENCE_MS, request.delegate.timeoutMs);
    const impatient = {
      node,
      request: { ...request, delegate: { ...request.delegate, timeoutMs } },
    };
    const started = node.clock.elapsed();
    for (const abandoned of fromAnywhere(findAbandoned(context))) {
      await collectOrWarn(impatient, abandoned);
      if (node.clock.elapsed() - started >= PATIENCE_MS) return;
    }
  } catch (error) {
    request.warn(toCniError(error));
  }
}

// A different start each time, so that one that cannot be taken down does not always block the others.
function fromAnywhere<T>(items: readonly T[]): readonly T[] {
  const at = Math.floor(Math.random() * items.length);
  return [...items.slice(at), ...items.slice(0, at)];
}

async function collectOrWarn(context: Context, abandoned: Abandoned): Promise<void> {
  const { warn } = context.request;
  try {
    if (await collectAbandoned(context, abandoned)) warn(collectedText(abandoned));
  } catch (thrown) {
    const error = toCniError(thrown);
    warn(
      new CniError(
        error.code,
        `container ${abandoned.attachment.key.containerId}, whose sandbox is gone, could not be cleaned up: ${error.message}`,
        { details: error.details },
      ),
    );
  }
}

function collectedText({ attachment }: Abandoned): CniError {
  return new CniError(
    "attachmentUnknown",
    `${attachmentLabel(attachment)}: its network namespace ${attachment.netns} no longer exists and no DEL came: its rules, addresses and record were removed`,
  );
}

/** Whose it is, for messages. */
export function attachmentLabel({ key, pod }: Attachment): string {
  return pod === undefined
    ? `container ${key.containerId}`
    : `pod ${pod.namespace}/${pod.name} (container ${key.containerId})`;
}

function isAbandoned(context: Context, attachment: Attachment): boolean {
  const { clock, sandboxState } = context.node;
  const age = clock.now().getTime() - Date.parse(attachment.since);
  return (
    age >= MIN_AGE_MS &&
    !isAtWork(context, attachment) &&
    sandboxState(attachment.netns, attachment.seenFrom) === "gone"
  );
}

/**
 * The context of a DEL of that attachment, environment included. `netns` is what its runtime would pass;
 * nothing of the present request goes with it. An agent that collects by itself has no CNI_PATH: then that of the
 * attachment's ADD counts.
 */
export function contextFor(
  { node, request }: Context,
  attachment: Attachment,
  tag: string,
  netns: string,
): Context {
  const { key, pod } = attachment;
  const { path } = request.delegate;
  const delegatePath = path.length > 0 ? path : (attachment.cniPath ?? []);
  const args =
    pod === undefined
      ? ""
      : `;K8S_POD_NAMESPACE=${pod.namespace};K8S_POD_NAME=${pod.name};K8S_POD_INFRA_CONTAINER_ID=${key.containerId}`;
  const env = {
    ...request.delegate.env,
    CNI_CONTAINERID: key.containerId,
    CNI_IFNAME: key.ifname,
    CNI_NETNS: netns,
    CNI_PATH: delegatePath.join(":"),
    CNI_ARGS: `IgnoreUnknown=1${args}`,
  };
  const conf = {
    ...request.conf,
    name: key.network,
    runtimeConfig: undefined,
    args: undefined,
    prevResult: undefined,
  };
  const delegate = { ...request.delegate, env, path: delegatePath };
  return { node, request: { ...request, conf, key, tag, progress: createProgress(), delegate } };
}
