import { type Metadata, readMetadata, type Subject } from "./answer";
import { findExecPlugin } from "./exec-credential";
import { refuseImpossible, refuseStale } from "./pod-identity";
import { openKubeconfig } from "./open";
import { type Budget, retrying } from "./errors";
import { type OnRequest, type Session, withSession } from "./session";
import type { PodRef } from "../cni/request";
import type { Clock, PodSource } from "../ports";

export interface PodSourceOptions {
  /** Absolute path. */
  readonly kubeconfigPath: string;
  /** For one read with all its retries, credential plugin included. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Called for every request with what became of it, for figures. */
  readonly onRequest?: OnRequest;
}

/** The pod alone, too, for who has its namespace already. */
export interface KubeSource extends PodSource {
  /** The UID is checked as in `read`. Same errors. */
  readPod(pod: PodRef): Promise<Metadata>;
}

/**
 * The API server as a source of annotations, reached the way the kubeconfig says and no other:
 * always verified TLS, never by a proxy from the environment, no redirect followed. Nothing is
 * read before the first call, and nothing outlives a call.
 */
export function createPodSource(options: PodSourceOptions): KubeSource {
  return {
    read: (pod, decides = () => false) =>
      inSession(options, pod, async (session, budget) => {
        const asked = fetchMetadata(session, budget, namespaceSubject(pod));
        // Its failure counts only when its answer is needed.
        asked.catch(() => {});
        const { annotations } = await fetchPod(session, budget, pod);
        return {
          pod: annotations,
          namespace: decides(annotations) ? {} : (await asked).annotations,
        };
      }),
    readPod: (pod) => inSession(options, pod, (session, budget) => fetchPod(session, budget, pod)),
    readNamespace: (pod) =>
      inSession(options, pod, async (session, budget) => {
        return (await fetchMetadata(session, budget, namespaceSubject(pod))).annotations;
      }),
  };
}

/**
 * Whether the kubeconfig would do for an ADD, as far as that can be told without the network and without
 * running a credential plugin. Throws the CniError that an ADD would throw.
 */
export async function checkKubeconfig(path: string, clock: Clock): Promise<void> {
  await openKubeconfig(path, clock, findExecPlugin);
}

async function inSession<T>(
  options: PodSourceOptions,
  pod: PodRef,
  body: (session: Session, budget: Budget) => Promise<T>,
): Promise<T> {
  refuseImpossible(pod);
  const budget = { clock: options.clock, deadline: options.clock.elapsed() + options.timeoutMs };
  const { kubeconfigPath, onRequest } = options;
  return withSession(
    { kubeconfigPath, budget, pod: label(pod), ...(onRequest && { onRequest }) },
    (session) => body(session, budget),
  );
}

async function fetchPod(session: Session, budget: Budget, pod: PodRef): Promise<Metadata> {
  const found = await fetchMetadata(session, budget, podSubject(pod));
  refuseStale(pod, found, session.server);
  return found;
}

function fetchMetadata(session: Session, budget: Budget, subject: Subject) {
  return retrying(budget, async () => readMetadata(await session.get(subject), subject, session));
}

function podSubject(pod: PodRef): Subject {
  const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods/${encodeURIComponent(pod.name)}`;
  return {
    kind: "Pod",
    resource: "pods",
    name: pod.name,
    namespace: pod.namespace,
    path,
    pod: label(pod),
  };
}

/** The namespace of `pod`. */
export function namespaceSubject(pod: Pick<PodRef, "namespace" | "name">): Subject {
  const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}`;
  return {
    kind: "Namespace",
    resource: "namespaces",
    name: pod.namespace,
    namespace: undefined,
    path,
    pod: label(pod),
  };
}

function label(pod: Pick<PodRef, "namespace" | "name">): string {
  return `${pod.namespace}/${pod.name}`;
}
