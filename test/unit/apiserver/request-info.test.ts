import { readRequestInfo } from "../../apiserver/request-info";

const pod = { isResource: true, group: "", version: "v1", resource: "pods", namespace: "team-a" };

test.each([
  [
    "GET",
    "/api/v1/namespaces/team-a/pods/web-0",
    { ...pod, verb: "get", name: "web-0", subresource: "" },
  ],
  ["HEAD", "/api/v1/namespaces/team-a/pods/web-0", { ...pod, verb: "get", name: "web-0" }],
  ["DELETE", "/api/v1/namespaces/team-a/pods/web-0", { ...pod, verb: "delete", name: "web-0" }],
  [
    "PATCH",
    "/api/v1/namespaces/team-a/pods/web-0/status",
    { ...pod, verb: "patch", subresource: "status" },
  ],
  ["GET", "/api/v1/namespaces/team-a/pods", { ...pod, verb: "list", name: "" }],
  ["DELETE", "/api/v1/namespaces/team-a/pods", { ...pod, verb: "deletecollection", name: "" }],
  ["GET", "/api/v1/namespaces/team-a/pods?watch=true", { ...pod, verb: "watch", name: "" }],
  ["GET", "/api/v1/pods", { resource: "pods", namespace: "", verb: "list" }],
  [
    "GET",
    "/api/v1/namespaces/team-a",
    { resource: "namespaces", namespace: "team-a", name: "team-a", verb: "get" },
  ],
  [
    "PUT",
    "/api/v1/namespaces/team-a/finalize",
    { resource: "namespaces", name: "team-a", subresource: "finalize" },
  ],
  ["GET", "/api/v1/namespaces", { resource: "namespaces", namespace: "", name: "", verb: "list" }],
  [
    "GET",
    "/apis/apps/v1/namespaces/x/deployments/d",
    { group: "apps", version: "v1", resource: "deployments", name: "d" },
  ],
  ["GET", "/healthz", { isResource: false, verb: "get", path: "/healthz" }],
  ["GET", "/version?x=1", { isResource: false, path: "/version" }],
  ["GET", "/api/v1/namespaces/a%2Fb/pods/x%3Fy", { namespace: "a/b", name: "x?y" }],
  ["GET", "/api/v1/namespaces/team-a/pods/%2e%2e", { name: ".." }],
])("%s %s", (method, url, expected) => {
  expect(readRequestInfo(method, url)).toMatchObject(expected);
});

test("field selectors are read", () => {
  const info = readRequestInfo(
    "GET",
    "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1%2Cmetadata.name%3Dweb-0",
  );
  expect([...info.fields]).toEqual([
    ["spec.nodeName", "n1"],
    ["metadata.name", "web-0"],
  ]);
});

test("a malformed escape is an URIError", () => {
  expect(() => readRequestInfo("GET", "/api/v1/namespaces/%zz")).toThrow(URIError);
});
