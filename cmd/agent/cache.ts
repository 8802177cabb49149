import type { PluginConf } from "../../conf/types";
import type { PodView } from "../../lib/reconcile/ports";
import type { CacheState, PodCache } from "../../lib/kube/watch/types";
import { systemClock } from "../../lib/node/clock";
import type { PodSource } from "../../lib/ports";
import type { Say } from "./say";
import type { Settings } from "./settings";

/** The annotations of this node's pods, for as long as the conflist names a kubeconfig. */
export interface CacheService {
  /** What may answer a request of this configuration; undefined: the cache is for another one, or there is none. */
  sourceFor(conf: PluginConf): PodSource | undefined;
  /** For the reconciler. Without a cache nothing is known. */
  readonly view: PodView;
  state(): CacheState | undefined;
  stop(): void;
}

/** A cache, and what it was made for. */
interface Current {
  readonly cache: PodCache;
  readonly kubeconfig: string;
  keys: readonly string[];
}

/** Lists and watches from now on, and follows the conflist. `onChange`: annotations of running pods have changed. */
export async function startCache(
  settings: Settings,
  say: Say,
  onChange: () => void,
): Promise<CacheService> {
  let current: Current | undefined;
  let stopped = false;
  const follow = async (): Promise<void> => {
    const { kubeconfig, annotationKeys } = settings.current().conf;
    if (current !== undefined && current.kubeconfig === kubeconfig) {
      current.cache.keepKeys(annotationKeys);
      current.keys = annotationKeys;
      return;
    }
    current?.cache.stop();
    current = undefined;
    if (kubeconfig === undefined) return;
    const cache = await open(settings.current().conf, kubeconfig, say);
    if (stopped || settings.current().conf.kubeconfig !== kubeconfig) return;
    cache.onChange(onChange);
    cache.start();
    current = { cache, kubeconfig, keys: annotationKeys };
  };
  settings.onChange(() => void follow());
  await follow();
  return {
    sourceFor: (conf) => {
      const isItsOwn =
        current?.kubeconfig === conf.kubeconfig &&
        conf.annotationKeys.every((key) => current?.keys.includes(key));
      return isItsOwn ? current?.cache : undefined;
    },
    view: viewOf(() => current?.cache),
    state: () => current?.cache.state(),
    stop: () => {
      stopped = true;
      current?.cache.stop();
    },
  };
}

/** What the cache knows of pods, for the reconciler. */
export function viewOf(cache: () => PodCache | undefined): PodView {
  return {
    pod: (namespace, name) => {
      const pod = cache()?.pod(namespace, name);
      return pod?.annotations === undefined
        ? undefined
        : { uid: pod.uid, annotations: pod.annotations };
    },
    namespace: (name) => cache()?.namespace(name),
  };
}

// Loaded only where there is an API server to ask.
async function open(
  { apiTimeoutMs, annotationKeys, agent }: PluginConf,
  kubeconfigPath: string,
  say: Say,
): Promise<PodCache> {
  const { createPodCache } = await import("../../lib/kube/watch/cache");
  return createPodCache({
    kubeconfigPath,
    timeoutMs: apiTimeoutMs,
    clock: systemClock,
    keys: annotationKeys,
    pollMs: agent.namespaceIntervalMs,
    warn: (message) => say({ event: "condition", message }),
  });
}
