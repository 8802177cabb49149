import { quote } from "../cni/json";
import type { PodRef } from "../ports";

/** DNS-1123 label: every Kubernetes namespace is one. */
const LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/** Why Kubernetes cannot have given these names, or undefined. Names end up in a URL. */
export function podIdentityProblem(pod: PodRef): string | undefined {
  if (!LABEL.test(pod.namespace))
    return `K8S_POD_NAMESPACE ${quote(pod.namespace)} is not a DNS-1123 label`;
  if (!isSubdomain(pod.name)) return `K8S_POD_NAME ${quote(pod.name)} is not a DNS-1123 subdomain`;
  return undefined;
}

function isSubdomain(name: string): boolean {
  return name.length <= 253 && name.split(".").every((part) => LABEL.test(part));
}
