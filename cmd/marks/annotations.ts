/** The annotations of this node's pods, asked for once, with the cache that the agent uses. */
import type { PluginConf } from "../../conf/types";
import type { PodCache } from "../../lib/kube/watch/types";
import { systemClock } from "../../lib/node/clock";
import type { SeenRecord } from "../../lib/reconcile/plan";
import type { PodView } from "../../lib/reconcile/ports";
import { viewOf } from "../agent/cache";

export interface Annotations {
  /** undefined: nothing is known of pods. */
  readonly view: PodView | undefined;
  /** Why they are not compared although there is a kubeconfig: the API server does not answer, or refuses. */
  readonly problem: string | undefined;
  stop(): void;
}

/** Between two looks at what the cache has got (ms). */
const LOOK_MS = 20;
/** After this, a first failure is the answer: the cache itself goes on trying (ms). */
const PATIENCE_MS = 2000;

/** Lists the pods and reads the namespaces of `records`, for at most the time that an ADD takes for it. Never throws. */
export async function askAnnotations(
  conf: PluginConf,
  records: readonly SeenRecord[],
): Promise<Annotations> {
  const { kubeconfig, apiTimeoutMs, annotationKeys } = conf;
  if (kubeconfig === undefined) return { view: undefined, problem: undefined, stop: () => {} };
  const { createPodCache } = await import("../../lib/kube/watch/cache");
  const cache = createPodCache({
    kubeconfigPath: kubeconfig,
    timeoutMs: apiTimeoutMs,
    clock: systemClock,
    keys: annotationKeys,
  });
  cache.start();
  const started = systemClock.elapsed();
  const waited = (): number => systemClock.elapsed() - started;
  const isOver = (): boolean =>
    waited() > apiTimeoutMs || (waited() > PATIENCE_MS && cache.state().problems.length > 0);
  while (!isComplete(cache, conf, records) && !isOver()) await systemClock.sleep(LOOK_MS);
  const isKnown = isComplete(cache, conf, records);
  const why = cache.state().problems.join("; ");
  const late = `the API server of ${kubeconfig} did not answer within ${apiTimeoutMs} ms`;
  return {
    view: viewOf(() => cache),
    problem: isKnown ? undefined : why === "" ? late : why,
    stop: () => cache.stop(),
  };
}

/** Every pod that the API server has on this node is known, with its namespace where that decides. */
function isComplete(
  cache: PodCache,
  { annotationKeys }: PluginConf,
  records: readonly SeenRecord[],
): boolean {
  if (!cache.state().synced) return false;
  return records.every(({ attachment: { pod } }) => {
    const known = pod === undefined ? undefined : cache.pod(pod.namespace, pod.name);
    if (pod === undefined || known?.annotations === undefined) return true;
    const annotations = known.annotations;
    const decides = annotationKeys.some((key) => Object.hasOwn(annotations, key));
    return decides || cache.namespace(pod.namespace) !== undefined;
  });
}
