import { ObjectStore } from "../../apiserver/object-store";
import { BOOTSTRAP_RBAC, rbacAllows } from "../../apiserver/rbac";
import { readRequestInfo } from "../../apiserver/request-info";
import { manifest } from "./client";

const kubelet = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };
const alice = { name: "alice", groups: ["dev", "system:authenticated"] };
const robot = { name: "system:serviceaccount:team-a:robot", groups: ["system:authenticated"] };

const allows = (store: ObjectStore, user: typeof alice, method: string, url: string): boolean =>
  rbacAllows(readRequestInfo(method, url), user, store);

function storeWith(...texts: string[]): ObjectStore {
  const store = new ObjectStore("n1");
  store.apply("{apiVersion: v1, kind: Namespace, metadata: {name: team-a}}");
  for (const text of texts) store.apply(text);
  return store;
}

const binding = (kind: string, role: string, subject: string): string => `
apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
metadata: { name: b, namespace: team-a }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ${role}, name: r }
subjects: [${subject}]
`;
const role = (kind: string, rule: string): string => `
apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
metadata: { name: r, namespace: team-a }
rules: [${rule}]
`;

test("manifests/rbac.yaml lets kubelets read namespaces, and only that", () => {
  const store = storeWith(manifest("rbac.yaml"));
  expect(allows(store, kubelet, "GET", "/api/v1/namespaces/team-a")).toBe(true);
  expect(allows(store, alice, "GET", "/api/v1/namespaces/team-a")).toBe(false);
  for (const query of ["", "?watch=true"])
    expect(allows(store, kubelet, "GET", `/api/v1/namespaces${query}`)).toBe(true);
  expect(allows(store, kubelet, "DELETE", "/api/v1/namespaces/team-a")).toBe(false);
  expect(allows(store, kubelet, "GET", "/api/v1/namespaces/team-a/secrets/s")).toBe(false);
});

test("a RoleBinding counts in its namespace only, with a Role or a ClusterRole", () => {
  for (const kind of ["Role", "ClusterRole"]) {
    const store = storeWith(
      role(kind, '{apiGroups: [""], resources: [pods], verbs: [get]}'),
      binding("RoleBinding", kind, "{kind: User, name: alice}"),
    );
    expect(allows(store, alice, "GET", "/api/v1/namespaces/team-a/pods/x")).toBe(true);
    expect(allows(store, alice, "GET", "/api/v1/namespaces/default/pods/x")).toBe(false);
    expect(allows(store, alice, "GET", "/api/v1/pods")).toBe(false);
  }
});

test.each([
  ["a user", "{kind: User, name: alice}", alice, true],
  ["a group", "{kind: Group, name: dev}", alice, true],
  ["a service account", "{kind: ServiceAccount, name: robot, namespace: team-a}", robot, true],
  ["another group", "{kind: Group, name: ops}", alice, false],
  ["a user called like a group", "{kind: User, name: dev}", alice, false],
])("subject: %s", (_what, subject, user, expected) => {
  const store = storeWith(
    role("ClusterRole", '{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}'),
    binding("ClusterRoleBinding", "ClusterRole", subject),
  );
  expect(allows(store, user, "GET", "/api/v1/namespaces/team-a")).toBe(expected);
});

test.each([
  [
    '{apiGroups: [""], resources: [pods], verbs: [get], resourceNames: [x]}',
    "/api/v1/namespaces/team-a/pods/x",
    true,
  ],
  [
    '{apiGroups: [""], resources: [pods], verbs: [get], resourceNames: [x]}',
    "/api/v1/namespaces/team-a/pods/y",
    false,
  ],
  [
    "{apiGroups: [apps], resources: [pods], verbs: [get]}",
    "/api/v1/namespaces/team-a/pods/x",
    false,
  ],
  [
    '{apiGroups: [""], resources: [pods], verbs: [get]}',
    "/api/v1/namespaces/team-a/pods/x/log",
    false,
  ],
  [
    '{apiGroups: [""], resources: [pods/log], verbs: [get]}',
    "/api/v1/namespaces/team-a/pods/x/log",
    true,
  ],
  [
    '{apiGroups: [""], resources: ["*/log"], verbs: [get]}',
    "/api/v1/namespaces/team-a/pods/x/log",
    true,
  ],
  ['{apiGroups: [""], resources: ["*"], verbs: [list]}', "/api/v1/namespaces/team-a/pods/x", false],
  ['{nonResourceURLs: ["/debug/*"], verbs: [get]}', "/debug/pprof", true],
  ['{nonResourceURLs: ["/debug"], verbs: [get]}', "/debug/pprof", false],
])("rule %s for %s", (rule, url, expected) => {
  const store = storeWith(
    role("ClusterRole", rule),
    binding("ClusterRoleBinding", "ClusterRole", "{kind: Group, name: dev}"),
  );
  expect(allows(store, alice, "GET", url)).toBe(expected);
});

test("a binding to an absent role allows nothing", () => {
  const store = storeWith(
    binding("ClusterRoleBinding", "ClusterRole", "{kind: User, name: alice}"),
  );
  expect(allows(store, alice, "GET", "/api/v1/namespaces/team-a")).toBe(false);
});

test("from the start administrators may do everything, others see version and health", () => {
  const store = storeWith(BOOTSTRAP_RBAC);
  const admin = { name: "root", groups: ["system:masters"] };
  expect(allows(store, admin, "DELETE", "/api/v1/namespaces/team-a")).toBe(true);
  expect(allows(store, admin, "GET", "/anything")).toBe(true);
  expect(allows(store, alice, "GET", "/version")).toBe(true);
  expect(allows(store, alice, "GET", "/metrics")).toBe(false);
});
