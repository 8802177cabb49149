// The embedded API server (test/apiserver) as a process of its own, on the node.
import { spawn } from "node:child_process";
import { request } from "node:http";
import { createInterface } from "node:readline";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KEY, MARKED, NAMESPACE, PLAIN } from "./cni.mjs";

const pod = ({ name, uid }, annotations) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: NAMESPACE, uid, annotations },
    spec: { containers: [{ name: "c", image: "i" }] },
  });

/** Objects as YAML documents; JSON is YAML. */
const OBJECTS = [
  JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } }),
  pod(MARKED, { [KEY]: "tenant-a" }),
  pod(PLAIN, {}),
].join("\n---\n");

const known = new Set();

/** Starts it; resolves with the path of the kubelet's kubeconfig and a function that stops it. */
export async function startApi({ script, rbac, dir }) {
  mkdirSync(dir, { recursive: true });
  const objects = join(dir, "objects.yaml");
  writeFileSync(objects, OBJECTS);
  const control = join(dir, "control.sock");
  const args = [
    script,
    "--dir",
    dir,
    "--host",
    "127.0.0.1",
    "--objects",
    objects,
    "--objects",
    rbac,
    "--control",
    control,
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const stop = () => void child.kill("SIGTERM");
  process.once("exit", stop);
  for await (const line of createInterface({ input: child.stdout })) {
    return {
      kubeconfig: JSON.parse(line).kubeconfigs.kubelet,
      stop,
      /** Makes pods with these names and UIDs known; they stay known. */
      addPods: (pods) => {
        const unknown = pods.filter(({ name }) => !known.has(name));
        for (const { name } of unknown) known.add(name);
        const text = unknown.map((each) => pod(each, { [KEY]: "tenant-a" })).join("\n---\n");
        return text === "" ? undefined : apply(control, text);
      },
      /** Gives a pod that annotation, as `kubectl annotate` does. */
      annotate: (each, value) => apply(control, pod(each, { [KEY]: value })),
    };
  }
  throw new Error("the API server ended before it listened");
}

function apply(socketPath, text) {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method: "POST", path: "/objects" }, (response) => {
      response.resume().once("end", () => {
        if (response.statusCode < 300) resolve();
        else reject(new Error(`the API server's control answered ${response.statusCode}`));
      });
    });
    call.once("error", reject);
    call.end(text);
  });
}
