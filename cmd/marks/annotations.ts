/** The annotations of this node's pods, asked for once. */
import type { PluginConf } from "../../conf/types";
import { viewOfApi } from "../../lib/checks/pods/api-view";
import type { ApiLook } from "../../lib/kube/watch/once";
import type { SeenRecord } from "../../lib/reconcile/plan";
import type { PodView } from "../../lib/reconcile/ports";
import { askApi } from "../status/ask-api";

export interface Annotations {
  /** undefined: nothing is known of pods. */
  readonly view: PodView | undefined;
  /** Why they are not compared although there is a kubeconfig: the API server does not answer, or refuses. */
  readonly problem: string | undefined;
}

/** Lists the pods and reads the namespaces of `records`, for at most the time that an ADD takes for it. Never throws. */
export async function askAnnotations(
  conf: PluginConf,
  records: readonly SeenRecord[],
): Promise<Annotations> {
  if (conf.kubeconfig === undefined) return { view: undefined, problem: undefined };
  const attachments = records.map(({ attachment }) => attachment);
  const { pods, namespaces } = await askApi(conf, attachments, conf.apiTimeoutMs);
  if ("refusal" in pods) return { view: undefined, problem: pods.refusal.message };
  const view = viewOfApi(pods.value, namespaces);
  return { view, problem: unknownNamespace(conf, records, { view, namespaces }) };
}

/** Why a namespace that decides about a pod's mark is not known. */
function unknownNamespace(
  { annotationKeys }: PluginConf,
  records: readonly SeenRecord[],
  { view, namespaces }: { readonly view: PodView } & Pick<ApiLook, "namespaces">,
): string | undefined {
  for (const {
    attachment: { pod },
  } of records) {
    const annotations = pod && view.pod(pod.namespace, pod.name)?.annotations;
    if (pod === undefined || annotations === undefined) continue;
    if (annotationKeys.some((key) => Object.hasOwn(annotations, key))) continue;
    const found = namespaces.get(pod.namespace);
    if (found !== undefined && "refusal" in found) return found.refusal.message;
  }
  return undefined;
}
