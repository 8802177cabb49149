import type { CniError } from "../../../lib/cni/error";
import type { Json, JsonObject } from "../../../lib/cni/json";
import type { Verb } from "../../../lib/cni/request";
import { loadConf } from "../../../conf/load";

/** Keys of a configuration with their new values; `undefined` removes a key. */
export type Changes = Readonly<Record<string, Json | undefined>>;

/** A configuration that every verb accepts. */
export function netconf(changes: Changes = {}): JsonObject {
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

/** Asserts that ADD refuses the changed configuration with code 7, naming the problem and the hint. */
export function expectRefusal(changes: Changes, problem: string, hint: string): void {
  const error = refusal(netconf(changes));
  expect(error.code).toBe(7);
  expect(error.message).toContain(problem);
  expect(error.message).toContain(hint);
}

/** Asserts that ADD refuses the changed configuration with these problems and nothing else. */
export function expectProblems(changes: Changes, problems: string): void {
  const [, found] =
    /^configuration of network "net": (.*); $/s.exec(refusalText(netconf(changes))) ?? [];
  expect(found).toBe(problems);
}

/** Asserts that ADD loads the changed configuration without a warning. */
export function expectAccepted(changes: Changes): void {
  expect(loadConf(netconf(changes), "ADD").warnings).toEqual([]);
}
