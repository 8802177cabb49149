import { delegateNetconf, distinctDelegates } from "../../delegates/netconf";
import { ipamBeforeDelegate } from "../../delegates/requirements";
import { runDelegate, runIpam } from "../../delegates/run";
import { convertResult } from "../cni/convert";
import { CniError, ERRORS, throwTogether, toCniError } from "../cni/error";
import { quote } from "../cni/json";
import { isSupported } from "../cni/version";
import type { Attachment } from "./journal";
import type { Json, JsonObject } from "../cni/json";
import type { MarkPlace } from "../ports";
import type { Context } from "./context";
import { labelOf } from "./facts";

/**
 * Takes an attachment down: what a crashed ADD left running first, then the mark (the address may be
 * handed out again at once), then the delegate's DEL. What holds back packets without the mark stays until that
 * has succeeded: a pod may go on sending. Goes on after a failure and throws the first
 * one at the end, the others in its details. Without a record, the tag has to do, and a DEL of every
 * delegate that the conflist could have used: which one it was is not known (after a reboot the
 * record is gone, the leases of host-local are not), and DEL is idempotent (SPEC.md, "DEL").
 */
export async function tearDown(
  context: Context,
  attachment: Attachment | undefined,
  prevResult: Json | undefined,
): Promise<void> {
  const { node, request } = context;
  const { key, progress } = request;
  const failures: CniError[] = [];
  if (attachment?.state !== "complete") {
    await collect(failures, async () => {
      const leftoversEnded = await node.leftovers.end(key.containerId, key.ifname, request.helpers);
      if (leftoversEnded > 0) progress.note({ leftoversEnded });
    });
  }
  warnOfUnknownPlace(context, attachment);
  let tellSilent: (silent: boolean) => void = () => {};
  const silent = new Promise<boolean>((resolve) => (tellSilent = resolve));
  const removal = removeMark(context, attachment, silent);
  const failuresOfDelegates = await delegateDels(
    context,
    attachment,
    prevResult,
    removal.outOfForce,
  );
  tellSilent(failuresOfDelegates.length === 0);
  await collect(failures, () => removal.done);
  throwTogether([...failures, ...failuresOfDelegates]);
}

/** The removal of the mark: `outOfForce` never rejects, `done` when all of it has been looked for. */
function removeMark(
  { request: { tag, marks } }: Context,
  attachment: Attachment | undefined,
  silent: Promise<boolean>,
): { readonly outOfForce: Promise<void>; readonly done: Promise<void> } {
  // A record without a mark is that of a pod that got none.
  if (attachment !== undefined && attachment.mark === undefined)
    return { outOfForce: Promise.resolve(), done: Promise.resolve() };
  let settle = (): void => {};
  const isOut = new Promise<void>((resolve) => (settle = resolve));
  const leaving = { outOfForce: () => settle(), silent };
  const done = marks.remove([tag], placeOf(attachment), leaving).finally(settle);
  // Its error is collected when the delegate has ended.
  done.catch(() => {});
  return { outOfForce: isOut, done };
}

/**
 * The DELs of all delegates, one after the other, the first when `ready` has resolved: the address may be
 * handed out again at once. Returns what failed.
 */
async function delegateDels(
  context: Context,
  attachment: Attachment | undefined,
  prevResult: Json | undefined,
  ready: Promise<void>,
): Promise<readonly CniError[]> {
  const { clock } = context.node;
  const { conf, progress } = context.request;
  const failures: CniError[] = [];
  const delegates =
    attachment === undefined
      ? distinctDelegates(conf)
      : [attachment.delegate].filter((each) => each !== undefined);
  let started = clock.elapsed();
  void ready.then(() => (started = clock.elapsed()));
  // The program that takes the mark out of force is started first: it is waited for.
  await new Promise(setImmediate);
  for (const [i, delegate] of delegates.entries()) {
    const body = (): Promise<void> =>
      delegateDel(context, delegate, previous(context, attachment, prevResult), ready);
    await collect(
      failures,
      attachment === undefined && i > 0 ? () => unlessMissing(context, body) : body,
    );
  }
  if (delegates.length > 0) progress.note({ delegateMs: Math.round(clock.elapsed() - started) });
  return failures;
}

// Of a newer version, or damaged. All known backends are asked, and the mark may be in none of them.
function warnOfUnknownPlace({ node, request }: Context, attachment: Attachment | undefined): void {
  const place = attachment?.backend;
  if (place === undefined || node.backend.places.includes(place)) return;
  request.warn(
    new CniError(
      "journal",
      `journal record ${request.tag}: its mark is in ${quote(place)}, which this version does not know: ` +
        `it was looked for in ${node.backend.places.join(", ")} only`,
    ),
  );
}

/** Where the record says that the mark is; undefined when it does not: an ADD may have been killed anywhere. */
function placeOf(attachment: Attachment | undefined): MarkPlace | undefined {
  if (attachment?.backend === undefined || attachment.addresses.length === 0) return undefined;
  const { backend, addresses, key, mark, markReplies, pod } = attachment;
  const place = { backend, addresses };
  if (mark === undefined || markReplies === undefined) return place;
  return { ...place, order: { key, label: labelOf(pod), mark, markReplies, addresses } };
}

async function delegateDel(
  { request }: Context,
  delegate: JsonObject,
  prevResult: Json | undefined,
  ready: Promise<void>,
): Promise<void> {
  const netconf = delegateNetconf(request.conf, delegate, "DEL", prevResult);
  const ipam = ipamBeforeDelegate(delegate);
  if (ipam !== undefined) {
    await ready;
    // The delegate asks it again, and then its failure is that of the DEL.
    await runIpam(request.delegate, "DEL", ipam, netconf).catch((error: unknown) =>
      request.warn(toCniError(error)),
    );
  }
  await runDelegate(request.delegate, "DEL", netconf, ready);
}

// Which delegate it was is a guess: a tenant's missing plugin must not keep pods of others from being deleted.
async function unlessMissing(context: Context, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (thrown) {
    const error = toCniError(thrown);
    if (error.code !== ERRORS.delegateMissing.code) throw error;
    context.request.warn(error);
  }
}

// What the runtime passed is sent as it is. The record's result is in the version of the ADD, and the
// conflist may have another by now. A delegate need not understand a prevResult of another version than
// its netconf's, and must do without one (SPEC.md, "DEL").
function previous(
  { request: { conf } }: Context,
  attachment: Attachment | undefined,
  prevResult: Json | undefined,
): Json | undefined {
  if (attachment?.result === undefined || prevResult !== attachment.result) return prevResult;
  const { cniVersion, result } = attachment;
  if (cniVersion === conf.cniVersion) return result;
  if (!isSupported(cniVersion) || !isSupported(conf.cniVersion)) return undefined;
  try {
    return convertResult(result, cniVersion, conf.cniVersion, "the record");
  } catch {
    return undefined;
  }
}

async function collect(failures: CniError[], body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    failures.push(toCniError(error));
  }
}
