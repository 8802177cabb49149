import { CniError } from "../cni/error";
import type { PodRef } from "../ports";
import type { Metadata } from "./answer";

const MIRROR = "kubernetes.io/config.mirror";
const SOURCE = "kubernetes.io/config.source";

/**
 * Refuses a pod that is not the one being set up: the API still has, or already has, another
 * pod under this name, and its tenant is not ours. Static pods are excepted: the runtime knows
 * them by the hash of their manifest, the API server by the UID of their mirror pod.
 */
export function refuseStale(pod: PodRef, found: Metadata, server: string): void {
  if (pod.uid === undefined || pod.uid === "" || found.uid === pod.uid || isMirror(found)) return;
  throw new CniError(
    "tryAgainLater",
    `pod ${pod.namespace}/${pod.name}: ${server} has it with another UID than the runtime: the read is stale or the pod was replaced, try again`,
    { details: `API server: ${found.uid.slice(0, 64)}, runtime: ${pod.uid.slice(0, 64)}` },
  );
}

function isMirror(found: Metadata): boolean {
  if (Object.hasOwn(found.annotations, MIRROR)) return true;
  return Object.hasOwn(found.annotations, SOURCE) && found.annotations[SOURCE] !== "api";
}
