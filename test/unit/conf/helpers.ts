import type { CniError } from "../../../lib/cni/error";
import type { Json, JsonObject } from "../../../lib/cni/json";
import type { Verb } from "../../../lib/cni/request";
import { loadConf } from "../../../conf/load";

/** A configuration that every verb accepts; `changes` replace keys, `undefined` removes one. */
export function netconf(changes: Readonly<Record<string, Json | undefined>> = {}): JsonObject {
  const base = {
    type: "tenant-routing-wrapper",
    name: "net",
    cniVersion: "1.0.0",
    kubeconfig: "/etc/kubernetes/kubelet.conf",
    delegate: { type: "ptp", ipam: { type: "host-local", subnet: "10.200.0.0/18" } },
  };
  const merged: Record<string, Json | undefined> = { ...base, ...changes };
  return Object.fromEntries(
    Object.entries(merged).filter(([, value]) => value !== undefined),
  ) as JsonObject;
}

/** The error of loading, or a failure of the test when it loads. */
export function refusal(conf: JsonObject, verb: Verb = "ADD"): CniError {
  try {
    loadConf(conf, verb);
  } catch (error) {
    return error as CniError;
  }
  throw new Error("the configuration was accepted");
}

/** Message and details together, as the runtime shows them. */
export function refusalText(conf: JsonObject, verb: Verb = "ADD"): string {
  const { message, details } = refusal(conf, verb);
  return `${message}; ${details}`;
}
