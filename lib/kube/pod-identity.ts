import { CniError } from "../cni/error";
import type { PodRef } from "../cni/request";
import type { Metadata } from "./answer";
import { quote } from "../cni/json";

const MIRROR = "kubernetes.io/config.mirror";
const SOURCE = "kubernetes.io/config.source";

/**
 * Refuses a pod that is not the one being set up: the API still has, or already has, another
 * pod under this name, and its tenant is not ours. Static pods are excepted: the runtime knows
 * them by the hash of their manifest, the API server by the UID of their mirror pod.
 */
export function refuseStale(pod: PodRef, found: Metadata, server: string): void {
  if (
    pod.uid === undefined ||
    pod.uid === "" ||
    found.uid === pod.uid ||
    isMirror(found.annotations)
  )
    return;
  throw new CniError(
    "tryAgainLater",
    `pod ${pod.namespace}/${pod.name}: ${server} has it with another UID than the runtime: the read is stale or the pod was replaced, try again`,
    { details: `API server: ${found.uid.slice(0, 64)}, runtime: ${pod.uid.slice(0, 64)}` },
  );
}

/** Whether a pod with these annotations is the API server's picture of a static pod. */
export function isMirror(annotations: Readonly<Record<string, unknown>>): boolean {
  if (Object.hasOwn(annotations, MIRROR)) return true;
  return Object.hasOwn(annotations, SOURCE) && annotations[SOURCE] !== "api";
}

/** DNS-1123 label: every Kubernetes namespace is one. */
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** Why Kubernetes cannot have given these names, or undefined. Names end up in a URL. */
export function podIdentityProblem(pod: PodRef): string | undefined {
  if (!LABEL.test(pod.namespace))
    return `K8S_POD_NAMESPACE ${quote(pod.namespace)} is not a DNS-1123 label`;
  if (!isSubdomain(pod.name)) return `K8S_POD_NAME ${quote(pod.name)} is not a DNS-1123 subdomain`;
  return undefined;
}

/** Throws CniError `invalidEnvironment` for names that must not be asked for. */
export function refuseImpossible(pod: PodRef): void {
  const problem = podIdentityProblem(pod);
  if (problem === undefined) return;
  throw new CniError("invalidEnvironment", `${problem}: refusing to ask the API server for it`, {
    details: quote(`${pod.namespace}/${pod.name}`),
  });
}

function isSubdomain(name: string): boolean {
  return name.length <= 253 && name.split(".").every((part) => LABEL.test(part));
}
