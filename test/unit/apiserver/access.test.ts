import type { ApiServer } from "../../apiserver/api-server";
import { get, json, manifest, METADATA_ONLY, removeScratch, startWithTenants } from "./client";

const WEB = "/api/v1/namespaces/team-a/pods/web-0";
const TEAM_A = "/api/v1/namespaces/team-a";
const kubeletCannot = (resource: string): string =>
  `User "system:node:n1" cannot get resource "${resource}" in API group "" in the namespace "team-a"`;

let api: ApiServer;
beforeAll(async () => {
  api = await startWithTenants();
});
afterAll(async () => {
  await api.close();
  removeScratch();
});

describe("authentication", () => {
  test("without credentials: 401 and a Status that says no more", async () => {
    const reply = await get(api, WEB, { anonymous: true });
    expect(reply.status).toBe(401);
    expect(json(reply)).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: "Unauthorized",
      reason: "Unauthorized",
      code: 401,
    });
    expect((await get(api, "/healthz", { anonymous: true })).status).toBe(401);
  });

  test("a kubelet's client certificate is the node", async () => {
    expect((await get(api, WEB, { pair: api.pki.kubelet() })).status).toBe(200);
    expect(api.requests.list().at(-1)?.user).toBe("system:node:n1");
  });

  test.each([
    ["expired", () => api.pki.kubelet({ expired: true })],
    ["of another CA", () => api.pki.kubelet({ ca: api.pki.otherCa })],
    ["made for servers", () => api.pki.serving("valid")],
  ])("a client certificate that is %s: 401", async (_what, pair) => {
    expect((await get(api, WEB, { pair: pair() })).status).toBe(401);
  });

  test("a good token counts beside a bad certificate", async () => {
    const pair = api.pki.kubelet({ expired: true });
    const headers = { authorization: `Bearer ${[...api.tokens.keys()][0] ?? ""}` };
    expect((await get(api, WEB, { pair, headers })).status).toBe(200);
  });

  test("tokens: unknown and malformed are 401, one added at run time works", async () => {
    const as = (authorization: string) =>
      get(api, WEB, { anonymous: true, headers: { authorization } });
    expect((await as("Bearer nope")).status).toBe(401);
    expect((await as("Basic bm9wZQ==")).status).toBe(401);
    api.tokens.set("fresh", { name: "boss", groups: ["system:masters"] });
    expect((await as("Bearer fresh")).status).toBe(200);
  });
});

describe("authorisation", () => {
  test("a pod of another node: 403 in the real server's words", async () => {
    const reply = await get(api, WEB, { pair: api.pki.kubelet({ nodeName: "n2" }) });
    expect(reply.status).toBe(403);
    expect(json(reply)).toMatchObject({
      kind: "Status",
      reason: "Forbidden",
      code: 403,
      details: { name: "web-0", kind: "pods" },
      message:
        'pods "web-0" is forbidden: User "system:node:n2" cannot get resource "pods" in API group "" ' +
        "in the namespace \"team-a\": no relationship found between node 'n2' and this object",
    });
  });

  test("a pod that does not exist: 403 as well, for the graph does not know it", async () => {
    const reply = await get(api, "/api/v1/namespaces/team-a/pods/gone");
    expect([reply.status, json(reply)["message"]]).toEqual([
      403,
      `pods "gone" is forbidden: ${kubeletCannot("pods")}: no relationship found between node 'n1' and this object`,
    ]);
  });

  test("lists of pods need the node as selector", async () => {
    const refused = await get(api, "/api/v1/pods");
    expect([refused.status, json(refused)["message"]]).toEqual([
      403,
      'pods is forbidden: User "system:node:n1" cannot list resource "pods" in API group "" at the cluster scope: ' +
        "can only list/watch pods with spec.nodeName field selector",
    ]);
    const reply = await get(api, "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1");
    expect(json(reply)).toMatchObject({ kind: "PodList", apiVersion: "v1", items: [{}, {}, {}] });
  });

  test("its own Node object is readable, others are not", async () => {
    expect((await get(api, "/api/v1/nodes/n1")).status).toBe(200);
    const other = await get(api, "/api/v1/nodes/n2");
    expect(json(other)["message"]).toContain(
      "node 'n1' cannot read 'n2', only its own Node object",
    );
  });

  test("a namespace: 403 until manifests/rbac.yaml is applied, 403 again when the binding goes", async () => {
    const before = await get(api, TEAM_A);
    expect([before.status, json(before)["message"]]).toEqual([
      403,
      `namespaces "team-a" is forbidden: ${kubeletCannot("namespaces")}`,
    ]);
    api.objects.apply(manifest("rbac.yaml"));
    expect((await get(api, TEAM_A)).status).toBe(200);
    const missing = await get(api, "/api/v1/namespaces/gone");
    expect([missing.status, json(missing)["message"]]).toEqual([
      404,
      'namespaces "gone" not found',
    ]);
    const name = "tenant-routing-namespace-reader";
    api.objects.remove({
      group: "rbac.authorization.k8s.io",
      resource: "clusterrolebindings",
      name,
    });
    expect((await get(api, TEAM_A)).status).toBe(403);
  });

  test("paths that are no objects", async () => {
    const reply = await get(api, "/metrics");
    expect([reply.status, json(reply)["message"]]).toEqual([
      403,
      'forbidden: User "system:node:n1" cannot get path "/metrics"',
    ]);
    const unknown = await get(api, "/metrics", { pair: api.pki.admin() });
    expect([unknown.status, unknown.text]).toEqual([404, "404 page not found\n"]);
    expect((await get(api, "/readyz")).text).toBe("ok");
    expect(json(await get(api, "/version"))).toMatchObject({ major: "1" });
    expect((await get(api, "/api/v1/namespaces/%zz")).status).toBe(400);
  });
});

test("nodeAuthorization uniform plays servers before 1.32: any pod is readable, an absent one is 404", async () => {
  const old = await startWithTenants({ nodeAuthorization: "uniform" });
  try {
    expect((await get(old, WEB, { pair: old.pki.kubelet({ nodeName: "n2" }) })).status).toBe(200);
    const reply = await get(old, "/api/v1/namespaces/team-a/pods/gone");
    expect(json(reply)).toMatchObject({
      code: 404,
      reason: "NotFound",
      message: 'pods "gone" not found',
      details: { name: "gone", kind: "pods" },
    });
    expect((await get(old, TEAM_A, { headers: { accept: METADATA_ONLY } })).status).toBe(403);
  } finally {
    await old.close();
  }
});
