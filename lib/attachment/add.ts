import { refuseAsked, refuseGiven } from "../../delegates/addresses";
import { delegateNetconf, delegateType, effectiveDelegate } from "../../delegates/netconf";
import { checkDelegate, mayGiveTwice } from "../../delegates/requirements";
import { DelegateNotStarted, runDelegate } from "../../delegates/run";
import { CniError, RulesUntouched, toCniError } from "../cni/error";
import { quote, type JsonObject } from "../cni/json";
import { podRef, type PodRef } from "../cni/request";
import { parseResult, podAddresses, resultOfPrevious, type Result } from "../cni/result";
import type { CniVersion } from "../cni/version";
import { formatMark } from "../net/mark";
import { chooseMark } from "./choose-mark";
import { attachmentLabel, collectNowAndThen } from "./collect";
import type { Context } from "./context";
import { attachmentIn, type Attachment } from "./journal";
import { annotationOf, choiceText, labelOf, type MarkChoice } from "./facts";
import { tearDown } from "./tear-down";
import { advance, confirmIntent, finishedBy, forget, reserve } from "./transitions";

/**
 * ADD: choose the mark, journal the intent, run the delegate, put the mark in force, journal the
 * outcome, and return the delegate's result. Whatever fails after the intent is rolled back; the
 * original error is thrown, what went wrong with the rollback goes into its details.
 */
export async function add(context: Context): Promise<string> {
  const { cni, conf, progress, warn } = context.request;
  const done = await answerOf(context);
  if (done !== undefined) return done;
  const pod = podRef(cni);
  const choice = await chooseMark(conf, pod, context.node.pods);
  if (choice.source === "failed") warn(choice.error);
  const delegate =
    conf.delegate === undefined
      ? undefined
      : effectiveDelegate(conf.delegate, choice.tenant?.delegate);
  refuseAsked(choice.tenant, conf.runtimeConfig);
  if (delegate !== undefined) checkDelegate(delegate, cni.path);
  const intent = intentOf(context, pod, choice, delegate);
  progress.note({ choice });
  await reserveCleared(context, intent);
  const made: Made = {};
  let output: string;
  try {
    output = await attach(context, intent, made);
  } catch (error) {
    throw await rollBack(context, intent, made.result, toCniError(error));
  }
  await collectNowAndThen(context);
  return output;
}

/**
 * The result of the request that this one takes over, where that was done and only the answer got lost: an
 * ADD never runs twice. The attachment is our own then, so that an agent that is slow, not dead, does not take it back.
 */
async function answerOf(context: Context): Promise<string | undefined> {
  const { conf, tag, owner, takesOver, progress } = context.request;
  if (takesOver === undefined) return undefined;
  const done = await finishedBy(context, takesOver, (attachment) => {
    if (attachment.result !== undefined) context.node.journal.write(tag, { ...attachment, owner });
  });
  if (done?.result === undefined) return undefined;
  progress.note({ addresses: done.addresses });
  return resultOfPrevious(done.result, conf.cniVersion as CniVersion).output;
}

/** What an ADD has made so far, for its rollback. */
interface Made {
  result?: Result;
}

/** Reserves the key; what a crashed ADD or DEL left under it is taken down first, and stays on record until that succeeds. */
async function reserveCleared(context: Context, intent: Attachment): Promise<void> {
  for (
    let remainder = await reserve(context, intent);
    remainder !== undefined;
    remainder = await reserve(context, intent)
  ) {
    try {
      await tearDown(context, remainder, remainder.result);
    } catch (error) {
      throw toCniError(error).withDetails(
        "an earlier ADD or DEL of this container was left unfinished and could not be cleaned up, so nothing was added",
      );
    }
  }
}

async function attach(context: Context, intent: Attachment, made: Made): Promise<string> {
  const { cni, conf, progress, callerIsGone } = context.request;
  const version = conf.cniVersion as CniVersion;
  const who =
    intent.delegate === undefined ? "prevResult" : `delegate "${delegateType(intent.delegate)}"`;
  const result = await obtainResult(context, intent.delegate, version, who);
  made.result = result;
  const addresses = podAddresses(result.json, version, cni.ifname, who).map(
    (address) => address.ip,
  );
  progress.note({ addresses });
  refuseGiven(progress.facts.choice?.tenant, addresses, who);
  await claim(context, { ...intent, addresses }, who);
  const done = await putInForce(context, { ...intent, addresses, result: result.json }, who);
  // Nobody will ask for the DEL of an ADD whose runtime has died: it has not heard of it.
  if (callerIsGone()) throw unheard(context);
  await advance(context, { ...done, state: "complete" });
  return result.output;
}

async function obtainResult(
  { node, request }: Context,
  delegate: JsonObject | undefined,
  version: CniVersion,
  who: string,
): Promise<Result> {
  const { conf, marks, progress } = request;
  if (delegate === undefined) return resultOfPrevious(conf.prevResult ?? null, version);
  const started = node.clock.elapsed();
  const running = runDelegate(
    request.delegate,
    "ADD",
    delegateNetconf(conf, delegate, "ADD", undefined),
  );
  marks.anticipate(progress.facts.choice?.mark !== undefined);
  const stdout = await running;
  progress.note({ delegateMs: Math.round(node.clock.elapsed() - started) });
  return parseResult(stdout, version, who);
}

/** Puts addresses that somebody else may have on record first: of two ADDs at one moment, each then sees the other. */
async function claim(context: Context, intent: Attachment, who: string): Promise<void> {
  if (intent.delegate === undefined || !mayGiveTwice(intent.delegate)) return;
  await advance(context, intent);
  refuseTaken(context, intent, who);
}

/** Asked under the locks of the addresses. Throws CniError `superseded`, and what refuseTaken throws. */
function confirmation(context: Context, attachment: Attachment, who: string): () => void {
  return () => {
    confirmIntent(context);
    refuseTaken(context, attachment, who);
  };
}

/**
 * Throws CniError `delegateResult` for an address that a pod which is still there has: its mark would go to the new
 * pod, and it would take another gateway (decision 0114).
 */
function refuseTaken(context: Context, { delegate, addresses }: Attachment, who: string): void {
  if (delegate === undefined || !mayGiveTwice(delegate)) return;
  const holder = holderOf(context, addresses);
  if (holder === undefined) return;
  throw new CniError(
    "delegateResult",
    `${who} gave ${addresses.join(", ")}, which ${attachmentLabel(holder)} has, and that one is still there: ` +
      "its IPAM has lost track of it; delete that pod, or correct the IPAM",
  );
}

function holderOf(
  { node, request }: Context,
  addresses: readonly string[],
): Attachment | undefined {
  return node.journal
    .tags()
    .filter((tag) => tag !== request.tag)
    .flatMap((tag) => attachmentIn(node.journal, tag) ?? [])
    .find(
      (other) =>
        other.state !== "deleting" &&
        // In one sandbox it is the same pod, whose DEL was lost.
        other.netns !== request.cni.netns &&
        other.addresses.some((address) => addresses.includes(address)) &&
        node.sandboxState(other.netns, other.seenFrom) === "there",
    );
}

/**
 * Installs the mark, or, without one, makes sure that nobody's is left on the addresses
 * (decision 0007).
 */
async function putInForce(
  context: Context,
  attachment: Attachment,
  who: string,
): Promise<Attachment> {
  const { clock } = context.node;
  const { conf, key, tag, marks, progress, warn } = context.request;
  const started = clock.elapsed();
  try {
    const done = await installMark(context, attachment, who);
    progress.note({ rulesMs: Math.round(clock.elapsed() - started) });
    return done;
  } catch (thrown) {
    if (conf.onError === "deny") throw thrown;
    const error = toCniError(thrown);
    warn(error);
    await marks.remove([tag]);
    // Unmarked is allowed, another tenant's mark is not: if that cannot be ruled out, ADD fails after all.
    const confirm = confirmation(context, attachment, who);
    noteEvicted(context, await marks.evict(key, attachment.addresses, confirm));
    const choice: MarkChoice = { source: "failed", step: "rules", error };
    return { ...withoutMark(attachment), source: choiceText(choice) };
  }
}

async function installMark(
  context: Context,
  attachment: Attachment,
  who: string,
): Promise<Attachment> {
  const { marks, key, conf } = context.request;
  const { mark, addresses, pod } = attachment;
  const confirm = confirmation(context, attachment, who);
  if (mark === undefined) {
    noteEvicted(context, await marks.evict(key, addresses, confirm));
    return attachment;
  }
  if (addresses.length === 0) {
    throw new CniError(
      "delegateResult",
      `the result of ${who} has no address on ${quote(key.ifname)}, so its packets cannot be marked ${formatMark(mark)}`,
    );
  }
  const label = labelOf(pod);
  const { markReplies } = conf;
  const order = { key, label, mark, addresses, markReplies, confirm };
  const { place, evicted } = await marks.install(order);
  noteEvicted(context, evicted);
  return { ...attachment, backend: place };
}

function noteEvicted({ request }: Context, evicted: readonly string[]): void {
  if (evicted.length > 0) request.progress.note({ evicted });
}

function unheard({ request }: Context): CniError {
  return new CniError(
    "superseded",
    `container ${request.key.containerId}: the container runtime that asked for the interface has ended, and nobody will delete it: nothing was kept`,
  );
}

async function rollBack(
  context: Context,
  intent: Attachment,
  result: Result | undefined,
  error: CniError,
): Promise<CniError> {
  try {
    // Where nothing can be started, nothing has been: the intent is all there is, and no DEL could be run either.
    if (!(error instanceof DelegateNotStarted))
      await tearDown(
        context,
        error instanceof RulesUntouched ? withoutMark(intent) : intent,
        result?.json,
      );
    await forget(context, context.request.tag, undefined);
    return error;
  } catch (second) {
    return error.withDetails(`rolling back failed too: ${toCniError(second).message}`);
  }
}

/** The same for a pod that got no mark. */
function withoutMark({ mark: _mark, ...attachment }: Attachment): Attachment {
  return attachment;
}

function intentOf(
  { node, request }: Context,
  pod: PodRef | undefined,
  choice: MarkChoice,
  delegate: JsonObject | undefined,
): Attachment {
  const { cni, conf, key, owner } = request;
  const seenFrom = node.viewpoint(cni.netns);
  const annotation = annotationOf(choice);
  return {
    format: 1,
    state: "intent",
    key,
    netns: cni.netns,
    ...(seenFrom === undefined ? {} : { seenFrom }),
    owner,
    ...(pod === undefined ? {} : { pod }),
    ...(choice.tenant === undefined ? {} : { tenant: choice.tenant.name }),
    ...(choice.mark === undefined ? {} : { mark: choice.mark, markReplies: conf.markReplies }),
    source: choiceText(choice),
    ...(annotation === undefined ? {} : { annotation }),
    addresses: [],
    ...(delegate === undefined ? {} : { delegate }),
    cniVersion: conf.cniVersion,
    cniPath: cni.path,
    since: node.clock.now().toISOString(),
  };
}
