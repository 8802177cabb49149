/** Types: what a delegate's CHECK says. */
import type { Attachment } from "../../attachment/journal";

/**
 * What the delegate's CHECK says of an attachment. not-asked: there is no delegate, or it knows no
 * CHECK, or the attachment is not complete. not-run: nobody wanted the delegates' CHECK.
 */
export type Verdict = "ok" | "not-asked" | "not-run" | { readonly failure: string };

/** Asks the delegate of an attachment. Never throws. */
export type DelegateChecker = (attachment: Attachment) => Promise<Verdict>;

/** Whether a verdict is a problem. */
export function isFailure(verdict: Verdict): verdict is { readonly failure: string } {
  return typeof verdict === "object";
}
