import { ObjectStore } from "../../apiserver/object-store";
import { resourceOf } from "../../apiserver/resources";
import { manifest } from "./client";

const web = { resource: "pods", namespace: "team-a", name: "web-0" };
let store: ObjectStore;
beforeEach(() => {
  store = new ObjectStore("n1");
  store.apply(manifest("tenants.yaml"));
});

test("what the server adds is added", () => {
  const pod = store.get(web);
  expect(pod?.metadata).toMatchObject({
    namespace: "team-a",
    annotations: { "tenant.routing/fwmark": "tenant-a" },
    uid: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
    resourceVersion: expect.stringMatching(/^\d+$/) as unknown,
    creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as unknown,
  });
  expect(pod?.["spec"]).toMatchObject({ nodeName: "n1" });
  expect(store.get({ resource: "namespaces", name: "team-b" })?.metadata).toMatchObject({
    annotations: { "tenant.routing/fwmark": "tenant-b" },
    labels: { "kubernetes.io/metadata.name": "team-b" },
  });
});

test("the sample manifests have an annotated pod, an annotated namespace, and neither", () => {
  const annotated = [...store.list("pods"), ...store.list("namespaces")].filter(
    (object) => object.metadata.annotations !== undefined,
  );
  expect(annotated.map((object) => `${object.kind} ${object.metadata.name}`)).toEqual([
    "Pod web-0",
    "Namespace team-b",
  ]);
  expect(store.list("pods", "plain")).toHaveLength(1);
});

test("applying again keeps uid and age and gives a new resourceVersion", () => {
  const before = structuredClone(store.get(web)?.metadata);
  store.apply(manifest("tenants.yaml"));
  const after = store.get(web)?.metadata;
  expect(after).toMatchObject({ uid: before?.uid, creationTimestamp: before?.creationTimestamp });
  expect(Number(after?.resourceVersion)).toBeGreaterThan(Number(before?.resourceVersion));
});

test("removing and applying again makes another pod of the same name", () => {
  const before = store.get(web)?.metadata.uid;
  expect(store.remove(web)).toBe(true);
  expect(store.remove(web)).toBe(false);
  expect(store.get(web)).toBeUndefined();
  store.apply(manifest("tenants.yaml"));
  expect(store.get(web)?.metadata.uid).not.toBe(before);
});

test("removing a namespace removes what is in it", () => {
  store.remove({ resource: "namespaces", name: "team-a" });
  expect(store.get(web)).toBeUndefined();
  expect(store.list("pods")).toHaveLength(2);
});

test("update changes one object and nothing that was handed out before", () => {
  const handed = store.get(web);
  store.update(web, (pod) => (pod.metadata.annotations = { changed: "yes" }));
  expect(store.get(web)?.metadata.annotations).toEqual({ changed: "yes" });
  expect(handed?.metadata.annotations).toEqual({ "tenant.routing/fwmark": "tenant-a" });
  expect(() => store.update({ ...web, name: "web-9" }, () => undefined)).toThrow(
    'pods "web-9" does not exist',
  );
});

test("a given uid and node are kept", () => {
  const [pod] = store.apply(
    "{apiVersion: v1, kind: Pod, metadata: {name: p, uid: abc}, spec: {nodeName: n2}}",
  );
  expect(pod).toMatchObject({
    metadata: { uid: "abc", namespace: "default" },
    spec: { nodeName: "n2" },
  });
});

test("Lists, empty documents and a namespace behind its pod are fine", () => {
  const made = store.apply(`
---
---
apiVersion: v1
kind: List
items:
  - { apiVersion: v1, kind: Pod, metadata: { name: late, namespace: later } }
  - { apiVersion: v1, kind: Namespace, metadata: { name: later } }
`);
  expect(made.map((object) => object.kind)).toEqual(["Namespace", "Pod"]);
});

test.each([
  [
    "a number as annotation",
    "{apiVersion: v1, kind: Pod, metadata: {name: p, annotations: {a: 16}}}",
    "in quotes",
  ],
  [
    "annotations that are no map",
    "{apiVersion: v1, kind: Pod, metadata: {name: p, annotations: [a]}}",
    "not a map",
  ],
  ["no name", "{apiVersion: v1, kind: Pod, metadata: {}}", "no metadata.name"],
  ["no kind", "{apiVersion: v1, metadata: {name: p}}", "no apiVersion or kind"],
  ["a scalar", "hello", "not an object"],
  ["bad YAML", "a: [", "document 1 is not valid YAML"],
  [
    "an absent namespace",
    "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: nope}}",
    "add the namespace first",
  ],
])("%s is refused", (_what, text, message) => {
  expect(() => store.apply(text)).toThrow(message);
});

test.each([
  ["Pod", "pods"],
  ["NetworkPolicy", "networkpolicies"],
  ["Gateway", "gateways"],
  ["Ingress", "ingresses"],
  ["Endpoints", "endpoints"],
  ["ClusterRoleBinding", "clusterrolebindings"],
])("%s is %s in a URL", (kind, resource) => {
  expect(resourceOf(kind)).toBe(resource);
});
