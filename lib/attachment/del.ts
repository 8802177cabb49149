import { CniError, toCniError } from "../cni/error";
import type { Attachment } from "./journal";
import type { Context } from "./context";
import { tearDown } from "./tear-down";
import { forget, startDeleting, startTakingBack } from "./transitions";

/**
 * DEL: the mark, then the delegate's DEL, then the record. No API, no annotation and no prevResult is
 * needed, and whatever is missing is fine; a real failure is an error, and the next DEL finishes.
 */
export async function del(context: Context): Promise<string> {
  try {
    await remove(context);
    return "";
  } catch (error) {
    throw unswallowable(toCniError(error));
  }
}

async function remove(context: Context): Promise<void> {
  const { tag, conf, progress } = context.request;
  let attachment: Attachment | undefined;
  let journalFailure: CniError | undefined;
  try {
    attachment = await startDeleting(context, tag);
  } catch (error) {
    // An unusable journal must not keep the marks and the address in place.
    journalFailure = toCniError(error);
  }
  if (attachment?.mark !== undefined) progress.note({ mark: attachment.mark });
  if (attachment !== undefined) progress.note({ addresses: attachment.addresses });
  try {
    await tearDown(context, attachment, conf.prevResult ?? attachment?.result);
  } catch (error) {
    throw journalFailure === undefined
      ? error
      : toCniError(error).withDetails(journalFailure.message);
  }
  if (journalFailure !== undefined) throw journalFailure;
  await forget(context, tag, attachment);
}

/**
 * Takes down the attachment of this very ADD, whose result nobody has taken. False when another request has the
 * attachment by now; then nothing is done. Throws CniError.
 */
export async function takeBack(context: Context): Promise<boolean> {
  const attachment = await startTakingBack(context);
  if (attachment === undefined) return false;
  await tearDown(context, attachment, attachment.result);
  await forget(context, context.request.tag, attachment);
  return true;
}

/**
 * go-cni's Remove() swallows every error that contains "not found", and ocicni and go-cni swallow
 * "no such file or directory" once the netns is gone: a real failure must not read like that.
 */
function unswallowable(error: CniError): CniError {
  const reword = (text: string): string =>
    text.replace(/not found/gi, "not-found").replace(/no such file or directory/gi, "ENOENT");
  return new CniError(error.code, reword(error.message), {
    details: reword(error.details),
    cause: error.cause,
  });
}
