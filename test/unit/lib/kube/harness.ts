/** A running API server, a source for each of its kubeconfigs, and a clock that keeps count. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CniError } from "../../../../lib/cni/error";
import { createPodSource } from "../../../../lib/kube/source";
import type { PodRef } from "../../../../lib/cni/request";
import type { Clock, PodSource } from "../../../../lib/ports";
import { KUBELET_TOKEN, startApiServer, type ApiServer } from "../../../apiserver/api-server";
import type { KubeconfigKind } from "../../../apiserver/kubeconfig";

export const OBJECTS = `
apiVersion: v1
kind: Namespace
metadata: { name: team-a, annotations: { tenant.routing/fwmark: "0x20" } }
---
apiVersion: v1
kind: Pod
metadata: { name: web-0, namespace: team-a, uid: uid-web-0, annotations: { tenant.routing/fwmark: "0x10", __proto__: harmless } }
spec: { nodeName: n1 }
---
apiVersion: v1
kind: Pod
metadata: { name: plain, namespace: team-a, uid: uid-plain }
spec: { nodeName: n1 }
---
apiVersion: v1
kind: Pod
metadata: { name: static-n1, namespace: team-a, uid: uid-mirror, annotations: { kubernetes.io/config.mirror: hash } }
spec: { nodeName: n1 }
`;
export const RBAC = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: namespaces }
rules: [{ apiGroups: [""], resources: [namespaces], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: namespaces }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: namespaces }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:nodes" }]
`;

export const WEB: PodRef = { namespace: "team-a", name: "web-0", uid: "uid-web-0" };

/** Started before all tests of a file, its faults and log cleared before each. */
export interface Harness {
  readonly dir: string;
  readonly api: ApiServer;
  /** Pauses between attempts, in milliseconds. */
  readonly slept: number[];
  source(kind?: KubeconfigKind, timeoutMs?: number): PodSource;
  sourceAt(kubeconfigPath: string, timeoutMs?: number): PodSource;
  /** A kubeconfig of our own making, from that of `kind`. */
  edited(name: string, edit: (text: string) => string, kind?: KubeconfigKind): string;
}

/** Registers the hooks; the members can be used inside tests. */
export function useApiServer(): Harness {
  const slept: number[] = [];
  const clock: Clock = {
    now: () => new Date(),
    elapsed: () => performance.now(),
    sleep: (ms) => {
      slept.push(ms);
      return new Promise((resolve) => setTimeout(resolve, ms));
    },
  };
  let api: ApiServer;
  const dir = mkdtempSync(join(tmpdir(), "pods-"));
  beforeAll(async () => {
    api = await startApiServer({ dir, objects: [OBJECTS, RBAC], nodeName: "n1" });
  });
  beforeEach(() => {
    api.faults.clear();
    api.requests.clear();
    slept.length = 0;
  });
  afterAll(async () => {
    await api.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const sourceAt: Harness["sourceAt"] = (kubeconfigPath, timeoutMs = 3000) =>
    createPodSource({ kubeconfigPath, timeoutMs, clock });
  return {
    dir,
    get api() {
      return api;
    },
    slept,
    sourceAt,
    source: (kind = "kubelet", timeoutMs) => sourceAt(api.kubeconfig(kind), timeoutMs),
    edited: (name, edit, kind = "kubelet") => {
      const path = join(dir, name);
      writeFileSync(path, edit(readFileSync(api.kubeconfig(kind), "utf8")), { mode: 0o600 });
      return path;
    },
  };
}

/** What `promise` rejects with, as the runtime would see it. A token in it fails the test. */
export async function failure(promise: Promise<unknown>): Promise<CniError> {
  const error: unknown = await promise.then(
    () => new Error("succeeded"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CniError)) throw error;
  expect(JSON.stringify([error.message, error.details])).not.toContain(KUBELET_TOKEN);
  return error;
}
