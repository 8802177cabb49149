/** The API server of a lab, where the pods' annotations are. */
import { existsSync, statSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { CniError } from "../../../cni/error";
import type { Setup } from "../lab";
import type { Machine } from "../machines";
import type { Pod } from "../runtime";

const START_MS = 30_000;

export interface ApiServer {
  /** Creates or replaces an object. Throws CniError `io` when the server refuses it. */
  apply(object: KubernetesObject): Promise<void>;
  /** Kills it: connections are refused from then on. */
  stop(): void;
}

/** An object of Kubernetes as far as the lab needs one. */
export interface KubernetesObject {
  readonly kind: "Namespace" | "Pod";
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** Where the server puts the kubelet's kubeconfig. */
export function kubeconfigOf({ dir }: Pick<Setup, "dir">): string {
  return join(dir, "api", "kubelet.kubeconfig");
}

/** A namespace for each pod's, and the pods. `annotations` are of "team-b" or "team-a/web-0". */
export function objectsOf(
  pods: readonly Pick<Pod, "spec" | "uid">[],
  annotations: Readonly<Record<string, Readonly<Record<string, string>>>>,
): readonly KubernetesObject[] {
  return pods.flatMap(({ spec: { pod }, uid }): readonly KubernetesObject[] => {
    const [namespace = "", name = ""] = pod.split("/");
    return [
      { kind: "Namespace", metadata: { name: namespace, ...annotated(annotations[namespace]) } },
      { kind: "Pod", metadata: { name, namespace, uid, ...annotated(annotations[pod]) } },
    ];
  });
}

function annotated(
  annotations: Readonly<Record<string, string>> | undefined,
): Pick<KubernetesObject["metadata"], "annotations"> {
  return annotations === undefined ? {} : { annotations };
}

/**
 * Starts `program` on the node, at its address `host` (in reality an API server is elsewhere).
 * Returns when it listens. Throws CniError `io` when it does not.
 */
export async function startApiServer(
  { dir, shell, write }: Setup,
  node: Machine,
  { program, host }: { readonly program: string; readonly host: string },
  objects: readonly KubernetesObject[],
): Promise<ApiServer> {
  const yaml = objects.map(manifest).join("\n---\n");
  const control = join(dir, "api.sock");
  const ready = join(dir, "api.json");
  const options = [
    "--dir",
    join(dir, "api"),
    "--host",
    host,
    "--node",
    "node-1",
    "--control",
    control,
  ];
  const file = ["--objects", write("objects.yaml", `${yaml}\n`)];
  const script = 'exec "$@" >"$0"';
  const background = await node.background([
    "sh",
    "-c",
    script,
    ready,
    program,
    ...options,
    ...file,
  ]);
  const isReady = (): boolean => existsSync(ready) && statSync(ready).size > 0;
  if (await shell.until(isReady, START_MS))
    return { apply: (object) => post(control, manifest(object)), stop: () => background.stop() };
  throw new CniError(
    "io",
    `the API server ${program} does not listen: see ${join(dir, "background.log")}`,
  );
}

function manifest(object: KubernetesObject): string {
  return JSON.stringify({ apiVersion: "v1", ...object });
}

/** Hands objects to the server by its control socket (test/apiserver/control.ts). */
async function post(socketPath: string, body: string): Promise<void> {
  const [status, said] = await new Promise<readonly [number, string]>((resolve, reject) => {
    request({ socketPath, method: "POST", path: "/objects", agent: false }, (answer) => {
      text(answer).then((words) => resolve([answer.statusCode ?? 0, words]), reject);
    })
      .on("error", reject)
      .end(body);
  });
  if (status >= 300) throw new CniError("io", `the API server refuses ${body}: ${said}`);
}
