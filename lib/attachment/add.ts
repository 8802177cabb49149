import { delegateNetconf, delegateType, effectiveDelegate } from "../../delegates/netconf";
import { checkDelegate } from "../../delegates/requirements";
import { DelegateNotStarted, runDelegate } from "../../delegates/run";
import { CniError, RulesUntouched, toCniError } from "../cni/error";
import { quote, type JsonObject } from "../cni/json";
import { podRef } from "../cni/request";
import { parseResult, podAddresses, resultOfPrevious, type Result } from "../cni/result";
import type { CniVersion } from "../cni/version";
import type { Attachment } from "./journal";
import { findMark, type Finding } from "./choose-mark";
import { formatMark } from "../net/mark";
import type { PodRef } from "../ports";
import { claim, complete, forget } from "./claim";
import { collectNowAndThen } from "./collect";
import type { Context } from "./context";
import { tearDown } from "./tear-down";

/**
 * ADD: find the mark, journal the intent, run the delegate, program the rules, journal the
 * outcome, and return the delegate's result. Whatever fails after the intent is rolled back; the
 * original error is thrown, the rollback's own trouble goes into its details.
 */
export async function add(context: Context): Promise<string> {
  const { conf, request } = context;
  const pod = podRef(request);
  const finding = await findMark(conf, pod, context.pods);
  if (finding.warning !== undefined) context.warn(finding.warning);
  const delegate =
    conf.delegate === undefined
      ? undefined
      : effectiveDelegate(conf.delegate, finding.tenant?.delegate);
  if (delegate !== undefined) checkDelegate(delegate, request.path);
  const intent = intentOf(context, pod, finding, delegate);
  noteFacts(context, intent);
  await claimCleared(context, intent);
  const progress: { result?: Result } = {};
  let output: string;
  try {
    output = await attach(context, intent, progress);
  } catch (error) {
    throw await rollBack(context, intent, progress.result, toCniError(error));
  }
  await collectNowAndThen(context);
  return output;
}

/** Claims the key; what a crashed ADD or DEL left under it is taken down first, and stays on record until that succeeds. */
async function claimCleared(context: Context, intent: Attachment): Promise<void> {
  for (
    let remainder = await claim(context, intent);
    remainder !== undefined;
    remainder = await claim(context, intent)
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

async function attach(
  context: Context,
  intent: Attachment,
  progress: { result?: Result },
): Promise<string> {
  const { conf, request } = context;
  const version = conf.cniVersion as CniVersion;
  const who =
    intent.delegate === undefined ? "prevResult" : `delegate "${delegateType(intent.delegate)}"`;
  const result = await obtainResult(context, intent.delegate, version, who);
  progress.result = result;
  const addresses = podAddresses(result.json, version, request.ifname, who).map(
    (address) => address.ip,
  );
  context.facts["addresses"] = addresses;
  const done = await programRules(context, { ...intent, addresses, result: result.json }, who);
  // Nobody will ask for the DEL of an ADD whose runtime has died: it has not heard of it.
  if (context.parentIsGone()) throw orphaned(context);
  await complete(context, { ...done, state: "complete" });
  return result.output;
}

async function obtainResult(
  context: Context,
  delegate: JsonObject | undefined,
  version: CniVersion,
  who: string,
): Promise<Result> {
  if (delegate === undefined) return resultOfPrevious(context.conf.prevResult ?? null, version);
  const started = context.delegate.clock.elapsed();
  const running = runDelegate(
    context.delegate,
    "ADD",
    delegateNetconf(context.conf, delegate, "ADD", undefined),
  );
  context.marks.anticipate();
  const stdout = await running;
  context.facts["delegateMs"] = Math.round(context.delegate.clock.elapsed() - started);
  return parseResult(stdout, version, who);
}

/**
 * Installs the rules, or, without a mark, makes sure that nobody's are left on the addresses
 * (decision 0007).
 */
async function programRules(
  context: Context,
  attachment: Attachment,
  who: string,
): Promise<Attachment> {
  const started = context.delegate.clock.elapsed();
  try {
    const done = await installRules(context, attachment, who);
    context.facts["rulesMs"] = Math.round(context.delegate.clock.elapsed() - started);
    return done;
  } catch (error) {
    if (context.conf.onError === "deny") throw error;
    context.warn(toCniError(error));
    await context.marks.remove([context.tag]);
    // Unmarked is allowed, another tenant's mark is not: if that cannot be ruled out, ADD fails after all.
    noteEvicted(context, await context.marks.evict(context.key, attachment.addresses));
    return { ...withoutRules(attachment), source: "rules failed, onError is allow" };
  }
}

async function installRules(
  context: Context,
  attachment: Attachment,
  who: string,
): Promise<Attachment> {
  const { marks, key, conf } = context;
  const { mark, addresses } = attachment;
  if (mark === undefined) {
    noteEvicted(context, await marks.evict(key, addresses));
    return attachment;
  }
  if (addresses.length === 0) {
    throw new CniError(
      "delegateResult",
      `the result of ${who} has no address on ${quote(key.ifname)}, so its packets cannot be marked ${formatMark(mark)}`,
    );
  }
  const label =
    attachment.pod === undefined ? "" : `${attachment.pod.namespace}/${attachment.pod.name}`;
  const { markReplies } = conf;
  const { place, evicted } = await marks.install({ key, label, mark, addresses, markReplies });
  noteEvicted(context, evicted);
  return { ...attachment, backend: place };
}

function noteEvicted(context: Context, tags: readonly string[]): void {
  if (tags.length > 0) context.facts["evicted"] = tags;
}

function orphaned({ key }: Context): CniError {
  return new CniError(
    "superseded",
    `container ${key.containerId}: the container runtime that asked for the interface has ended, and nobody will delete it: nothing was kept`,
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
        error instanceof RulesUntouched ? withoutRules(intent) : intent,
        result?.json,
      );
    await forget(context, context.tag, undefined);
    return error;
  } catch (trouble) {
    return error.withDetails(`rolling back failed too: ${toCniError(trouble).message}`);
  }
}

/** The same for a pod that got no rule. */
function withoutRules({ mark: _mark, ...attachment }: Attachment): Attachment {
  return attachment;
}

function intentOf(
  context: Context,
  pod: PodRef | undefined,
  finding: Finding,
  delegate: JsonObject | undefined,
): Attachment {
  const seenFrom = context.viewpoint(context.request.netns);
  return {
    format: 1,
    state: "intent",
    key: context.key,
    netns: context.request.netns,
    ...(seenFrom === undefined ? {} : { seenFrom }),
    owner: context.self,
    ...(pod === undefined ? {} : { pod }),
    ...(finding.tenant === undefined ? {} : { tenant: finding.tenant.name }),
    ...(finding.mark === undefined
      ? {}
      : { mark: finding.mark, markReplies: context.conf.markReplies }),
    source: finding.source,
    addresses: [],
    ...(delegate === undefined ? {} : { delegate }),
    cniVersion: context.conf.cniVersion,
    cniPath: context.request.path,
    since: context.delegate.clock.now().toISOString(),
  };
}

function noteFacts(context: Context, intent: Attachment): void {
  context.facts["mark"] = intent.mark === undefined ? "none" : formatMark(intent.mark);
  context.facts["tenant"] = intent.tenant;
  context.facts["source"] = intent.source;
}
