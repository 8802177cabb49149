/** Caches and connections on the API server of the room's other tests, all stopped after each test. */
import { createPodCache } from "../../../../../lib/kube/watch/cache";
import type {
  AnnotationChange,
  PodCache,
  PodCacheOptions,
} from "../../../../../lib/kube/watch/types";
import type { KubeconfigKind } from "../../../../apiserver/kubeconfig";
import { type Harness, OBJECTS, RBAC, useApiServer } from "../harness";

export interface CacheHarness extends Harness {
  /** Started. Its clock and pauses run `speed` times as fast as real ones. */
  cache(options?: Partial<PodCacheOptions> & { kind?: KubeconfigKind; speed?: number }): PodCache;
  /** Requests by the path and query that were made since `clear`, e.g. `watch pods`. */
  asked(): readonly string[];
  /** Every time that was asked of a timer, in milliseconds; and how many timers are running now. */
  readonly pauses: number[];
  timers(): number;
}

/** What the cache gives an answer. */
const ANSWER_MS = 30_000;
export const KEY = "tenant.routing/fwmark";
/** RBAC with the optional verbs of manifests/rbac.yaml. */
export const RBAC_WATCH = RBAC.replace("verbs: [get]", "verbs: [get, list, watch]");

export function useCaches(): CacheHarness {
  const harness = useApiServer();
  const caches: PodCache[] = [];
  const pauses: number[] = [];
  let timers = 0;
  beforeEach(() => {
    harness.api.objects.apply(RBAC);
    harness.api.objects.apply(OBJECTS);
    harness.api.watches.goneAs = "event";
    pauses.length = 0;
  });
  afterEach(() => {
    for (const cache of caches.splice(0)) cache.stop();
    for (const pod of harness.api.objects.list("pods"))
      harness.api.objects.remove({
        resource: "pods",
        namespace: pod.metadata.namespace ?? "",
        name: pod.metadata.name,
      });
  });
  const cache: CacheHarness["cache"] = ({ kind = "kubelet", speed = 1, ...options } = {}) => {
    const made = createPodCache({
      kubeconfigPath: harness.api.kubeconfig(kind),
      timeoutMs: 3000 * speed,
      keys: [KEY],
      environment: {},
      hostname: "n1",
      random: () => 0,
      clock: {
        now: () => new Date(),
        elapsed: () => performance.now() * speed,
        sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms / speed)),
      },
      after: (ms, run) => {
        pauses.push(ms);
        // An answer may take its time on a busy machine: only what is waited for on purpose is faster.
        const real = ms === ANSWER_MS ? ms : ms / speed;
        timers++;
        let end = (): void => {
          timers--;
          end = () => {};
        };
        const timer = setTimeout(() => (end(), run()), real);
        return () => (end(), clearTimeout(timer));
      },
      ...options,
    });
    caches.push(made);
    made.start();
    return made;
  };
  const asked = (): readonly string[] =>
    harness.api.requests.list().map(({ url }) => {
      const { pathname, searchParams } = new URL(url, "https://api");
      const [, , , ...parts] = pathname.split("/");
      const verb = searchParams.has("watch") ? "watch" : parts.length > 1 ? "get" : "list";
      return `${verb} ${parts.join("/")}`;
    });
  return Object.assign(Object.create(harness) as Harness, {
    ...{ cache, asked, pauses },
    timers: () => timers,
  });
}

/** Waits until `holds`; fails after 25 seconds with what it is about. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 25_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const synced = (cache: PodCache): Promise<void> =>
  until("synced", () => cache.state().synced);

/** Everything that `onChange` says. */
export function changesOf(cache: PodCache): AnnotationChange[] {
  const changes: AnnotationChange[] = [];
  cache.onChange((change) => changes.push(change));
  return changes;
}
