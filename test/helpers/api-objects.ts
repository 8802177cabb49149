/** Objects for the embedded API server, as YAML. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { KEY } from "./conf";
import { POD_UID } from "./harness";

/** What manifests/rbac.yaml allows a node to read. */
export const RBAC = readFileSync(join(__dirname, "../../manifests/rbac.yaml"), "utf8");

/** The namespace team-a, with this annotation of ours. */
export function namespace(value?: string): string {
  const annotations = JSON.stringify(value === undefined ? {} : { [KEY]: value });
  return `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team-a\n  annotations: ${annotations}\n`;
}

/** The pod team-a/web-0. */
export function pod(annotations: Readonly<Record<string, string>>, uid = POD_UID): string {
  const metadata = JSON.stringify({ name: "web-0", namespace: "team-a", uid, annotations });
  return `apiVersion: v1\nkind: Pod\nmetadata: ${metadata}\nspec: {}\n`;
}

export function documents(...parts: readonly string[]): string {
  return parts.join("---\n");
}

/** A cluster in which team-a/web-0 asks for the mark 0x10/0xff. */
export const CLUSTER = documents(RBAC, namespace(), pod({ [KEY]: "0x10/0xff" }));
