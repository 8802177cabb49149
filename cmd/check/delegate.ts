import { delegateNetconf } from "../../delegates/netconf";
import { runDelegate } from "../../delegates/run";
import type { PluginConf } from "../../conf/types";
import { toCniError } from "../../lib/cni/error";
import { atLeast, type CniVersion } from "../../lib/cni/version";
import { systemClock } from "../../lib/node/clock";
import { createExec } from "../../lib/node/exec";
import type { DelegateChecker } from "../../lib/checks/pods/verdict";
import { type Values } from "../command";
import { cniPath } from "../conflist";
import type { Io } from "../io";

/** Runs the delegates as a runtime would: with the configuration, the record, and the runtime's search path. */
export function delegateChecker(conf: PluginConf, io: Io, values: Values): DelegateChecker {
  const exec = createExec();
  // Judged now: a mistake in it is not a fault of every attachment.
  cniPath(values, io.env);
  return async (attachment) => {
    const { delegate, key, pod, result } = attachment;
    if (delegate === undefined || result === undefined || attachment.state !== "complete")
      return "not-asked";
    if (!atLeast(attachment.cniVersion as CniVersion, "0.4.0")) return "not-asked";
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
      return "ok";
    } catch (error) {
      return { failure: toCniError(error).message };
    }
  };
}
