import { delegateNetconf } from "../../delegates/netconf";
import { runDelegate } from "../../delegates/run";
import type { PluginConf } from "../../conf/types";
import { toCniError } from "../../lib/cni/error";
import { atLeast, type CniVersion } from "../../lib/cni/version";
import { systemClock } from "../../lib/node/clock";
import { createExec } from "../../lib/node/exec";
import type { Attachment } from "../../lib/attachment/journal";
import type { Values } from "../cli";
import { cniPath } from "../cni-path";
import type { Io } from "../io";

const OK = "ok";
/** The delegate was not asked: there is none, or it knows no CHECK, or the attachment is not complete. */
export const NOT_ASKED = "-";
/** What everything in the column says when nobody wanted the delegate's CHECK. */
export const NOT_RUN = "not run";

/** What the delegate's CHECK says of an attachment: a verdict that is no problem, or the error's text. */
export type DelegateChecker = (attachment: Attachment) => Promise<string>;

/** Whether a delegate's verdict is a problem. */
export function isFailure(verdict: string): boolean {
  return ![OK, NOT_ASKED, NOT_RUN].includes(verdict);
}

/** Runs the delegates as a runtime would: with the configuration, the record, and the runtime's search path. */
export function delegateChecker(conf: PluginConf, io: Io, values: Values): DelegateChecker {
  const exec = createExec();
  // Judged now: a mistake in it is not a fault of every attachment.
  cniPath(values, io.env);
  return async (attachment) => {
    const { delegate, key, pod, result } = attachment;
    if (delegate === undefined || result === undefined || attachment.state !== "complete")
      return NOT_ASKED;
    if (!atLeast(attachment.cniVersion as CniVersion, "0.4.0")) return NOT_ASKED;
    const path = cniPath(values, io.env, attachment.cniPath);
    const env = {
      ...io.env,
      CNI_CONTAINERID: key.containerId,
      CNI_NETNS: attachment.netns,
      CNI_IFNAME: key.ifname,
      CNI_PATH: path.join(":"),
      CNI_ARGS: `IgnoreUnknown=1${pod === undefined ? "" : `;K8S_POD_NAMESPACE=${pod.namespace};K8S_POD_NAME=${pod.name}`}`,
    };
    const context = {
      exec,
      clock: systemClock,
      env,
      path,
      timeoutMs: conf.delegateTimeoutMs,
      stderr: () => {},
    };
    const sent = {
      ...conf,
      name: key.network,
      cniVersion: attachment.cniVersion,
      runtimeConfig: undefined,
    };
    try {
      await runDelegate(context, "CHECK", delegateNetconf(sent, delegate, "CHECK", result));
      return OK;
    } catch (error) {
      return toCniError(error).message;
    }
  };
}
