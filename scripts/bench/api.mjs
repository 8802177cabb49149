// The embedded API server (test/apiserver) as a process of its own, on the node.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MARKED, NAMESPACE, PLAIN } from "./cni.mjs";

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
  pod(MARKED, { "tenant.routing/fwmark": "tenant-a" }),
  pod(PLAIN, {}),
].join("\n---\n");

/** Starts it; resolves with the path of the kubelet's kubeconfig and a function that stops it. */
export async function startApi({ script, rbac, dir }) {
  mkdirSync(dir, { recursive: true });
  const objects = join(dir, "objects.yaml");
  writeFileSync(objects, OBJECTS);
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
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const stop = () => void child.kill("SIGTERM");
  process.once("exit", stop);
  for await (const line of createInterface({ input: child.stdout })) {
    return { kubeconfig: JSON.parse(line).kubeconfigs.kubelet, stop };
  }
  throw new Error("the API server ended before it listened");
}
