import type { Clock, PodSource } from "../../ports";
import type { After } from "./stream/timer";

export interface PodCacheOptions {
  /** Absolute path. */
  readonly kubeconfigPath: string;
  /** For one read that has to ask the API server, with all its retries. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Annotation keys that are kept; undefined: all, as long as they are short. */
  readonly keys?: readonly string[];
  /** Counts where the kubeconfig's certificate names no node. */
  readonly nodeName?: string;
  /** NODE_NAME is read from it: counts after `nodeName`, before `hostname`. Default: the process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Default: the machine's. */
  readonly hostname?: string;
  /** How often a namespace is asked for where it cannot be watched. Default 10 s, give or take a fifth. */
  readonly pollMs?: number;
  /** Default: the machine's timer. */
  readonly after?: After;
  /** From 0 up to 1. Default: Math.random. */
  readonly random?: () => number;
  /** Called with one sentence when something begins to fail, not each time it fails again. */
  readonly warn?: (message: string) => void;
}

/** A pod or namespace whose annotations are no longer what they were. Without `name`: the namespace. */
export interface AnnotationChange {
  readonly namespace: string;
  readonly name?: string;
}

export interface CachedPod {
  readonly namespace: string;
  readonly name: string;
  /** As the API server has it: for a static pod its mirror's. */
  readonly uid: string;
  /** Of the keys that are kept; undefined: only a GET tells. */
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

/** For metrics. */
export interface CacheState {
  /** Whether the node's pods are known and the API server was heard of lately: decisions need no request. */
  readonly synced: boolean;
  /** Milliseconds since the API server's last sign of life, by resource; undefined before the first. */
  readonly ageMs: {
    readonly pods: number | undefined;
    /** While namespaces are polled: of the one that was asked for longest ago. */
    readonly namespaces: number | undefined;
  };
  /** How namespaces are kept fresh at present. */
  readonly namespacesBy: "watch" | "poll";
  readonly pods: number;
  readonly namespaces: number;
  /** Since the start; `status` 0: no answer came. */
  readonly requests: readonly RequestCount[];
  /** What fails at present, one sentence each. */
  readonly problems: readonly string[];
}

export interface RequestCount {
  readonly resource: "pods" | "namespaces";
  readonly verb: "get" | "list" | "watch";
  readonly status: number;
  readonly count: number;
}

/**
 * The annotations of this node's pods and of their namespaces, from memory. What it does not know, or not well
 * enough, it asks for as `createPodSource` does, with the same errors.
 */
export interface PodCache extends PodSource {
  /** Begins to list and watch. Does nothing when it has begun. Never fails: `state` has the problems. */
  start(): void;
  /** Ends every request and timer, at once. What is known is forgotten. */
  stop(): void;
  /**
   * `listener` is called when the annotations of a pod or namespace change that was known before, or when
   * another pod has a known name; not for new pods. Returns how to end that.
   */
  onChange(listener: (change: AnnotationChange) => void): () => void;
  /** The pod as it is known, trusted or not. */
  pod(namespace: string, name: string): CachedPod | undefined;
  /** Annotations of a namespace, of the keys that are kept; undefined: not known well enough. */
  namespace(name: string): Readonly<Record<string, string>> | undefined;
  podsOf(namespace: string): readonly CachedPod[];
  /** Sets which annotation keys are kept (undefined: all). A key that is new has everything listed again. */
  keepKeys(keys: readonly string[] | undefined): void;
  state(): CacheState;
}
