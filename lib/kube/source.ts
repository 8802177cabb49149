import { CniError } from "../cni/error";
import { quote } from "../cni/json";
import { readMetadata, type Subject } from "./answer";
import { findExecPlugin } from "./exec-credential";
import { podIdentityProblem, refuseStale } from "./pod-identity";
import { openKubeconfig } from "./open";
import { type Budget, retrying } from "./errors";
import { type Session, withSession } from "./session";
import type { PodRef } from "../cni/request";
import type { Clock, PodSource } from "../ports";

export interface PodSourceOptions {
  /** Absolute path. */
  readonly kubeconfigPath: string;
  /** For one read with all its retries, credential plugin included. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * The API server as a source of annotations, reached the way the kubeconfig says and no other:
 * always verified TLS, never by a proxy from the environment, no redirect followed. Nothing is
 * read before the first call, and nothing outlives a call.
 */
export function createPodSource(options: PodSourceOptions): PodSource {
  return {
    read: (pod, decides = () => false) =>
      inSession(options, pod, async (session, budget) => {
        const asked = fetchMetadata(session, budget, namespaceSubject(pod));
        // Its failure counts only when its answer is needed.
        asked.catch(() => {});
        const podMeta = await fetchMetadata(session, budget, podSubject(pod));
        refuseStale(pod, podMeta, session.server);
        const { annotations } = podMeta;
        return {
          pod: annotations,
          namespace: decides(annotations) ? {} : (await asked).annotations,
        };
      }),
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
  return withSession(
    { kubeconfigPath: options.kubeconfigPath, budget, pod: label(pod) },
    (session) => body(session, budget),
  );
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

function namespaceSubject(pod: PodRef): Subject {
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

function label(pod: PodRef): string {
  return `${pod.namespace}/${pod.name}`;
}

function refuseImpossible(pod: PodRef): void {
  const problem = podIdentityProblem(pod);
  if (problem === undefined) return;
  throw new CniError("invalidEnvironment", `${problem}: refusing to ask the API server for it`, {
    details: quote(`${pod.namespace}/${pod.name}`),
  });
}
