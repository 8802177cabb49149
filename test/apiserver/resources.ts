import type { KubeObject, ObjectRef } from "./types";

/** Kinds without a namespace among those that people put into manifests. */
const CLUSTER_SCOPED = new Set([
  "Namespace",
  "Node",
  "ClusterRole",
  "ClusterRoleBinding",
  "CustomResourceDefinition",
  "PersistentVolume",
  "PriorityClass",
  "RuntimeClass",
  "StorageClass",
]);

/** Whether objects of this kind live in a namespace. */
export function isNamespaced(kind: string): boolean {
  return !CLUSTER_SCOPED.has(kind);
}

/** The same for the plural in a URL. */
export function isNamespacedResource(resource: string): boolean {
  return !CLUSTER_RESOURCES.has(resource);
}

/** The URL name of a kind by the naming rule that all built-in kinds follow (Endpoints excepted). */
export function resourceOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower === "endpoints") return lower;
  if (/(?:s|x|ch|sh)$/.test(lower)) return `${lower}es`;
  return /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

/** API group of an apiVersion: `rbac.authorization.k8s.io/v1` has one, `v1` is the core group "". */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

const CLUSTER_RESOURCES: ReadonlySet<string> = new Set([...CLUSTER_SCOPED].map(resourceOf));

/** How the store and the URL name this object. */
export function refOf(object: KubeObject): Required<ObjectRef> {
  return {
    group: groupOf(object.apiVersion),
    resource: resourceOf(object.kind),
    namespace: object.metadata.namespace ?? "",
    name: object.metadata.name,
  };
}
