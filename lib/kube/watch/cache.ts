import { hostname } from "node:os";
import type { PodRef } from "../../cni/request";
import type { PodAnnotations } from "../../ports";
import { refuseImpossible } from "../pod-identity";
import { createPodSource, type KubeSource } from "../source";
import { type Connection, createConnection } from "./stream/connection";
import { type Problem, WatchLoop } from "./stream/loop";
import { Namespaces } from "./namespaces";
import { findNodeName, type NodeName } from "./node-name";
import { PodStore } from "./pod-store";
import { Problems } from "./problems";
import { RequestCounter } from "./requests";
import { keepAnnotations, type Keys, type Seen } from "./stream/seen";
import { systemAfter } from "./stream/timer";
import type { AnnotationChange, CachedPod, CacheState, PodCache, PodCacheOptions } from "./types";

/** From a request to the head of its answer. */
const HEAD_TIMEOUT_MS = 30_000;
const POLL_MS = 10_000;

type Annotations = Readonly<Record<string, string>>;

/** Nothing is read and nobody is asked before `start` or the first read (decision 0076). */
export function createPodCache(options: PodCacheOptions): PodCache {
  return new KubePodCache(options);
}

class KubePodCache implements PodCache {
  readonly #source: KubeSource;
  readonly #requests = new RequestCounter();
  readonly #problems: Problems;
  readonly #listeners = new Set<(change: AnnotationChange) => void>();
  #keys: Keys;
  #node: NodeName | undefined;
  #running: Running | undefined;

  constructor(readonly options: PodCacheOptions) {
    const { kubeconfigPath, timeoutMs, clock, keys, warn } = options;
    this.#keys = keys && new Set(keys);
    this.#problems = new Problems(warn ?? (() => {}));
    const onRequest = this.#requests.count;
    this.#source = createPodSource({ kubeconfigPath, timeoutMs, clock, onRequest });
  }

  start(): void {
    if (this.#running !== undefined) return;
    const { kubeconfigPath, clock } = this.options;
    const connection = createConnection({
      kubeconfigPath,
      clock,
      onRequest: this.#requests.count,
      headTimeoutMs: HEAD_TIMEOUT_MS,
      after: this.options.after ?? systemAfter,
    });
    const running = this.#build(connection);
    this.#running = running;
    void running.loop.run();
    void running.namespaces.run();
  }

  stop(): void {
    const running = this.#running;
    this.#running = undefined;
    running?.loop.stop();
    running?.namespaces.stop();
    running?.connection.close();
  }

  async read(pod: PodRef, decides = (_: Annotations) => false): Promise<PodAnnotations> {
    refuseImpossible(pod);
    if (this.#trusted() === undefined) return this.#source.read(pod, decides);
    const annotations = await this.#readPod(pod);
    if (decides(annotations)) return { pod: annotations, namespace: {} };
    return { pod: annotations, namespace: await this.readNamespace(pod) };
  }

  async readNamespace(pod: PodRef): Promise<Annotations> {
    refuseImpossible(pod);
    const running = this.#running;
    const known = running?.namespaces.trusted(pod.namespace)?.annotations;
    if (known !== undefined) return known;
    const askedAt = this.options.clock.elapsed();
    const annotations = await this.#source.readNamespace(pod);
    const kept = keepAnnotations(annotations, this.#keys);
    const seen = { namespace: "", name: pod.namespace, uid: "", mirror: false };
    running?.namespaces.remember({ ...seen, annotations: kept }, askedAt);
    return annotations;
  }

  onChange(listener: (change: AnnotationChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  pod(namespace: string, name: string): CachedPod | undefined {
    return this.#running?.pods.get(namespace, name);
  }

  namespace(name: string): Annotations | undefined {
    return this.#running?.namespaces.trusted(name)?.annotations;
  }

  podsOf(namespace: string): readonly CachedPod[] {
    return this.#running?.pods.in(namespace) ?? [];
  }

  keepKeys(keys: readonly string[] | undefined): void {
    const before = this.#keys;
    this.#keys = keys && new Set(keys);
    const isMore = before !== undefined && (keys?.some((key) => !before.has(key)) ?? true);
    if (!isMore) return;
    this.#running?.loop.relist();
    this.#running?.namespaces.relist();
  }

  state(): CacheState {
    const { loop, pods, namespaces } = this.#running ?? {};
    return {
      synced: this.#trusted() !== undefined,
      ageMs: { pods: loop?.state().ageMs, namespaces: namespaces?.ageMs() },
      namespacesBy: namespaces?.isWatched === true ? "watch" : "poll",
      pods: pods?.size ?? 0,
      namespaces: namespaces?.store.size ?? 0,
      requests: this.#requests.list(),
      problems: this.#problems.list(),
    };
  }

  async #readPod(pod: PodRef): Promise<Annotations> {
    const known = this.#running?.pods.find(pod.namespace, pod.name, (seen) => isOf(seen, pod));
    if (known?.annotations !== undefined) return known.annotations;
    const { uid, annotations } = await this.#source.readPod(pod);
    const seen = { namespace: pod.namespace, name: pod.name, uid };
    const kept = keepAnnotations(annotations, this.#keys);
    const mirror = pod.uid !== undefined && pod.uid !== "" && pod.uid !== uid;
    if (known === undefined) this.#running?.pods.remember({ ...seen, mirror, annotations: kept });
    return annotations;
  }

  /** What may decide without a request. */
  #trusted(): Running | undefined {
    return this.#running?.loop.state().trusted === true ? this.#running : undefined;
  }

  #build(connection: Connection): Running {
    const { clock, after = systemAfter, random = Math.random, pollMs = POLL_MS } = this.options;
    const elapsed = (): number => clock.elapsed();
    const keys = (): Keys => this.#keys;
    const ports = { connection, keys, elapsed, after, random };
    const pods: PodStore = new PodStore(
      {
        changed: (namespace, name) => this.#tell({ namespace, name }),
        namespaceIn: (namespace) => namespaces.isNeeded(namespace),
      },
      elapsed,
    );
    const namespaces = new Namespaces({
      ...ports,
      needed: () => pods.namespaces(),
      changed: (namespace) => pods.hasNamespace(namespace) && this.#tell({ namespace }),
      problems: this.#problems,
      pollMs,
    });
    const loop = new WatchLoop({
      ...ports,
      resource: "pods",
      selector: async () => `spec.nodeName=${(await this.#findNode(connection)).name}`,
      sink: pods,
      onOutcome: (problem) => this.#problems.set("pods", problem && this.#explain(problem)),
    });
    return { connection, pods, namespaces, loop };
  }

  async #findNode(connection: Connection): Promise<NodeName> {
    const { kubeconfigPath, nodeName, environment = process.env } = this.options;
    this.#node = findNodeName({
      certificate: await connection.certificateNode(),
      kubeconfigPath,
      option: nodeName,
      environment: environment["NODE_NAME"],
      hostname: this.options.hostname ?? hostname(),
    });
    return this.#node;
  }

  #explain({ message, status }: Problem): string {
    if (status !== 403 || this.#node === undefined) return message;
    const { name, from } = this.#node;
    const path = this.options.kubeconfigPath;
    return message.includes("with spec.nodeName field selector")
      ? `${message}: asked for the pods of node ${name}, a name from ${from}: check that it is the node of ${path}, or set NODE_NAME`
      : `${message}: grant list and watch on pods to the user of ${path}, or, right after a start of the API server, wait`;
  }

  #tell(change: AnnotationChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** All that lives from start to stop. */
interface Running {
  readonly connection: Connection;
  readonly pods: PodStore;
  readonly namespaces: Namespaces;
  readonly loop: WatchLoop;
}

/** A pod whose UID the runtime did not pass is taken by its name, as for a GET. */
function isOf(seen: Seen, { uid }: PodRef): boolean {
  return uid === undefined || uid === "" || seen.uid === uid || seen.mirror;
}
