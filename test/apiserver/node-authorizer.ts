import type { ObjectStore } from "./object-store";
import type { RequestInfo, User } from "./types";

/**
 * Which generation of the real node authoriser is played.
 * - `graph`: Kubernetes 1.32 and later (AuthorizeNodeWithSelectors, KEP-4601): a kubelet reads
 *   the pods bound to its node and nothing else. A pod that does not exist has no edge in the
 *   graph either, so the answer is 403, never 404.
 * - `uniform`: before that, every kubelet could read every pod, and a missing one was 404.
 */
export const NODE_AUTHORIZATIONS = ["graph", "uniform"] as const;
export type NodeAuthorization = (typeof NODE_AUTHORIZATIONS)[number];

const PREFIX = "system:node:";
const ALLOWED = undefined;

/**
 * The node authoriser: undefined when it allows the request, else the reason it would give ("" when
 * it has no opinion and RBAC decides). Covers pods and the node's own Node object; the further
 * static rules for kubelets are left out. Verb by verb after kubernetes
 * plugin/pkg/auth/authorizer/node/node_authorizer.go.
 */
export function nodeDenial(
  info: RequestInfo,
  user: User,
  store: ObjectStore,
  mode: NodeAuthorization,
): string | undefined {
  if (!user.groups.includes("system:nodes") || !user.name.startsWith(PREFIX)) return "";
  if (!info.isResource || info.group !== "") return "";
  const node = user.name.slice(PREFIX.length);
  if (info.resource === "pods")
    return mode === "graph" ? podDenial(info, node, store) : uniformDenial(info);
  return info.resource === "nodes" ? nodeObjectDenial(info, node) : "";
}

function podDenial(info: RequestInfo, node: string, store: ObjectStore): string | undefined {
  if (info.verb === "get") {
    if (info.subresource !== "") return "cannot get subresource";
    return relationDenial(info, node, store);
  }
  if (info.verb === "list" || info.verb === "watch") {
    if (info.fields.get("spec.nodeName") === node) return ALLOWED;
    if (info.name !== "") return relationDenial(info, node, store);
    return "can only list/watch pods with spec.nodeName field selector";
  }
  return "";
}

function relationDenial(info: RequestInfo, node: string, store: ObjectStore): string | undefined {
  const pod = store.get({ resource: "pods", namespace: info.namespace, name: info.name });
  const bound = (pod?.["spec"] as { nodeName?: string } | undefined)?.nodeName === node;
  return bound ? ALLOWED : `no relationship found between node '${node}' and this object`;
}

function uniformDenial(info: RequestInfo): string | undefined {
  return info.subresource === "" && ["get", "list", "watch"].includes(info.verb) ? ALLOWED : "";
}

function nodeObjectDenial(info: RequestInfo, node: string): string | undefined {
  if (info.subresource !== "" || info.verb !== "get") return "";
  return info.name === node
    ? ALLOWED
    : `node '${node}' cannot read '${info.name}', only its own Node object`;
}
