import { delegateNetconf } from "../../delegates/netconf";
import { runDelegate } from "../../delegates/run";
import { type CniError, toCniError } from "../cni/error";
import type { Attachment } from "../journal";
import type { Json, JsonObject } from "../ports";
import type { Context } from "./context";

/**
 * Takes an attachment down: orphans of a crashed ADD first, then the rules (the address may be
 * handed out again at once), then the delegate's DEL. Goes on after a failure and throws the first
 * one at the end, the others in its details. Without a record, the tag and the conflist have to do.
 */
export async function tearDown(
  context: Context,
  attachment: Attachment | undefined,
  prevResult: Json | undefined,
): Promise<void> {
  const { containerId, ifname } = context.key;
  const failures: CniError[] = [];
  if (attachment?.state !== "complete") {
    await collect(failures, async () => {
      const ended = await context.orphans.end(containerId, ifname);
      if (ended > 0) context.facts["orphansEnded"] = ended;
    });
  }
  await collect(failures, () => context.rules.remove([context.tag]));
  const delegate = attachment === undefined ? context.conf.delegate : attachment.delegate;
  if (delegate !== undefined) await collect(failures, () => delegateDel(context, delegate, prevResult));
  const [first, ...others] = failures;
  if (first !== undefined) throw others.reduce((error, other) => error.withDetails(other.message), first);
}

async function delegateDel(context: Context, delegate: JsonObject, prevResult: Json | undefined): Promise<void> {
  const started = context.delegate.clock.elapsed();
  await runDelegate(context.delegate, "DEL", delegateNetconf(context.conf, delegate, "DEL", prevResult));
  context.facts["delegateMs"] = Math.round(context.delegate.clock.elapsed() - started);
}

async function collect(failures: CniError[], body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    failures.push(toCniError(error));
  }
}
