import type { ObjectStore } from "./object-store";
import type { KubeObject, RequestInfo, User } from "./types";

const GROUP = "rbac.authorization.k8s.io";

interface Rule {
  readonly verbs?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/**
 * What every real cluster has from the start, as far as this server needs it: administrators, and
 * version and health for everyone who is authenticated.
 */
export const BOOTSTRAP_RBAC = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: cluster-admin }
rules:
  - { apiGroups: ["*"], resources: ["*"], verbs: ["*"] }
  - { nonResourceURLs: ["*"], verbs: ["*"] }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: cluster-admin }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:masters" }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: "system:public-info-viewer" }
rules: [{ nonResourceURLs: [/healthz, /livez, /readyz, /version, /version/], verbs: [get] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: "system:public-info-viewer" }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:public-info-viewer" }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:authenticated" }]
`;

/** Whether a loaded role, bound to this user, allows the request. Aggregated roles are not followed. */
export function rbacAllows(info: RequestInfo, user: User, store: ObjectStore): boolean {
  const bindings = [
    ...store.list("clusterrolebindings", "", GROUP),
    ...(info.namespace === "" ? [] : store.list("rolebindings", info.namespace, GROUP)),
  ];
  return bindings.some((binding) => {
    const subjects = (binding["subjects"] ?? []) as readonly Subject[];
    if (!subjects.some((subject) => matchesSubject(subject, user))) return false;
    return rulesOf(binding, store).some((rule) => ruleAllows(rule, info));
  });
}

function rulesOf(binding: KubeObject, store: ObjectStore): readonly Rule[] {
  const { kind, name } = binding["roleRef"] as { readonly kind: string; readonly name: string };
  const clusterWide = kind === "ClusterRole";
  const role = store.get({
    group: GROUP,
    resource: clusterWide ? "clusterroles" : "roles",
    namespace: clusterWide ? "" : (binding.metadata.namespace ?? ""),
    name,
  });
  return (role?.["rules"] ?? []) as readonly Rule[];
}

function matchesSubject(subject: Subject, user: User): boolean {
  if (subject.kind === "Group") return user.groups.includes(subject.name);
  if (subject.kind === "User") return user.name === subject.name;
  return user.name === `system:serviceaccount:${subject.namespace ?? ""}:${subject.name}`;
}

function ruleAllows(rule: Rule, info: RequestInfo): boolean {
  if (!has(rule.verbs, info.verb)) return false;
  if (!info.isResource)
    return (rule.nonResourceURLs ?? []).some((pattern) => matchesUrl(pattern, info.path));
  const names = rule.resourceNames ?? [];
  return (
    has(rule.apiGroups, info.group) &&
    matchesResource(rule.resources ?? [], info) &&
    (names.length === 0 || names.includes(info.name))
  );
}

function matchesResource(resources: readonly string[], info: RequestInfo): boolean {
  if (info.subresource === "") return has(resources, info.resource);
  const wanted = [`${info.resource}/${info.subresource}`, `*/${info.subresource}`, "*"];
  return wanted.some((entry) => resources.includes(entry));
}

const has = (list: readonly string[] | undefined, wanted: string): boolean =>
  list !== undefined && (list.includes(wanted) || list.includes("*"));

const matchesUrl = (pattern: string, path: string): boolean =>
  pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
