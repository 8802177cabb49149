import { join } from "node:path";
import { startApiServer } from "../../../apiserver/api-server";
import type * as ClientNode from "./client-node";
import { failure, OBJECTS, RBAC, useApiServer, WEB } from "./harness";

jest.mock("@kubernetes/client-node/dist/config.js", () =>
  jest.requireActual<typeof ClientNode>("./client-node").loadClientNode(),
);
jest.mock("@kubernetes/client-node/dist/exec_auth.js", () =>
  jest.requireMock("@kubernetes/client-node/dist/config.js"),
);

const t = useApiServer();

describe("reading pod and namespace", () => {
  test("both answers come back as plain annotation records", async () => {
    const answer = await t.source().read(WEB);
    expect({ ...answer.pod }).toEqual({
      "tenant.routing/fwmark": "0x10",
      ["__proto__"]: "harmless",
    });
    expect({ ...answer.namespace }).toEqual({ "tenant.routing/fwmark": "0x20" });
    expect(Object.getPrototypeOf(answer.pod)).toBeNull();
    expect(({} as Record<string, unknown>)["harmless"]).toBeUndefined();
  });
  test("a pod without annotations has none", async () => {
    expect((await t.source().read({ namespace: "team-a", name: "plain" })).pod).toEqual(
      Object.create(null),
    );
  });
  test("exactly two requests, for metadata only", async () => {
    await t.source().read(WEB);
    const requests = t.api.requests.list();
    for (const request of requests)
      expect(request.headers["accept"]).toMatch(
        /^application\/json;as=PartialObjectMetadata;g=meta\.k8s\.io;v=v1,/,
      );
    expect(requests.map((request) => request.path).sort()).toEqual([
      "/api/v1/namespaces/team-a",
      "/api/v1/namespaces/team-a/pods/web-0",
    ]);
  });
  test("both requests are under way at once", async () => {
    t.api.faults.add({ kind: "latency", ms: 1500 });
    const started = performance.now();
    await t.source("kubelet", 60_000).read(WEB);
    expect(performance.now() - started).toBeLessThan(3000);
  });
  test("the namespace alone takes one request", async () => {
    expect({ ...(await t.source().readNamespace(WEB)) }).toEqual({
      "tenant.routing/fwmark": "0x20",
    });
    expect(t.api.requests.list()).toHaveLength(1);
  });
  test("a server known by its IPv6 address", async () => {
    const six = await startApiServer({
      dir: join(t.dir, "six"),
      objects: [OBJECTS, RBAC],
      nodeName: "n1",
      host: "::1",
    });
    try {
      expect(six.url).toContain("[::1]");
      expect(
        (await t.sourceAt(six.kubeconfig("kubelet")).read(WEB)).pod["tenant.routing/fwmark"],
      ).toBe("0x10");
    } finally {
      await six.close();
    }
  });
  test("a path in the server URL is kept", async () => {
    await failure(
      t
        .sourceAt(
          t.edited("prefix", (text) => text.replace(t.api.url, `${t.api.url}/k8s/clusters/c-1/`)),
        )
        .read(WEB),
    );
    expect(t.api.requests.list()[0]?.path).toMatch(
      /^\/k8s\/clusters\/c-1\/api\/v1\/namespaces\/team-a/,
    );
  });
});

describe("the pod's identity", () => {
  test("another UID is a stale read", async () => {
    const error = await failure(t.source().read({ ...WEB, uid: "uid-of-its-successor" }));
    expect(error.code).toBe(11);
    expect(error.message).toMatch(/pod team-a\/web-0: https:.*another UID/);
  });
  test("a static pod is known to the runtime by another UID", async () => {
    const answer = await t
      .source()
      .read({ namespace: "team-a", name: "static-n1", uid: "manifest-hash" });
    expect(answer.namespace["tenant.routing/fwmark"]).toBe("0x20");
  });
  test("config.source other than api marks a static pod, api does not", async () => {
    const ref = { resource: "pods", namespace: "team-a", name: "plain" };
    const annotate = (value: string): void => {
      t.api.objects.update(
        ref,
        (pod) => void (pod.metadata.annotations = { "kubernetes.io/config.source": value }),
      );
    };
    annotate("file");
    await t.source().read({ namespace: "team-a", name: "plain", uid: "hash" });
    annotate("api");
    expect(
      (await failure(t.source().read({ namespace: "team-a", name: "plain", uid: "hash" }))).code,
    ).toBe(11);
    t.api.objects.update(ref, (pod) => void delete pod.metadata.annotations);
  });
  test.each(["../../secrets/x", "a?b", "%2e", "a..b", "", "UPPER", "a/b", "a".repeat(254)])(
    "name %j is refused before any request",
    async (name) => {
      const error = await failure(t.source().read({ namespace: "team-a", name }));
      expect(error.code).toBe(4);
      expect(t.api.requests.list()).toHaveLength(0);
    },
  );
  test.each(["team.a", "..", "a".repeat(64), "team a"])(
    "namespace %j is refused before any request",
    async (namespace) => {
      expect((await failure(t.source().read({ namespace, name: "web-0" }))).code).toBe(4);
      expect((await failure(t.source().readNamespace({ namespace, name: "web-0" }))).code).toBe(4);
      expect(t.api.requests.list()).toHaveLength(0);
    },
  );
});

describe("refusals", () => {
  test("a namespace that may not be read names the remedy", async () => {
    const bare = await startApiServer({
      dir: join(t.dir, "bare"),
      objects: [OBJECTS],
      nodeName: "n1",
    });
    try {
      const error = await failure(t.sourceAt(bare.kubeconfig("kubelet"), 1000).read(WEB));
      expect(error.code).toBe(103);
      expect(error.message).toContain(
        "right after a start of the API server, wait: it refuses everybody until RBAC has synced",
      );
      expect(error.message).toContain(
        'namespaces "team-a" is forbidden for system:node:n1: apply manifests/rbac.yaml',
      );
      expect(error.message).toContain("pod team-a/web-0");
    } finally {
      await bare.close();
    }
  });
  test("another node's credentials cannot read the pod: try again, the authorizer may be behind", async () => {
    const error = await failure(t.source("other-node").read(WEB));
    expect([error.code, error.message]).toEqual([
      11,
      expect.stringMatching(
        /pods "web-0" is forbidden for system:node:another-node.*bound to this node/,
      ),
    ]);
    expect(t.slept.length).toBeGreaterThanOrEqual(5);
  });
  test("a pod refused for any other reason has its own remedy", async () => {
    t.api.faults.add({
      kind: "status",
      code: 403,
      message: 'pods "web-0" is forbidden: User "bob" cannot get resource',
      path: "*/pods/*",
    });
    const error = await failure(t.source("kubelet", 1000).read(WEB));
    expect([error.code, error.message]).toEqual([
      103,
      expect.stringMatching(
        /pods "web-0" is forbidden for bob: .*grant get on pods, or, right after a start of the API server, wait/,
      ),
    ]);
  });
  test.each(["*/pods/*", "*/team-a"])(
    "403 on %s three times, while the API server starts: asked again",
    async (path) => {
      t.api.faults.add({ kind: "status", code: 403, path, count: 3 });
      await t.source().read(WEB);
      expect(t.slept).toEqual([50, 100, 200]);
    },
  );
  test.each([
    ["an escape sequence", "\u001b[2Jroot"],
    ["a NUL", "a\u0000b"],
    ["an 8-bit escape", "a\u009bb"],
    ["a letter beyond ASCII", "j\u00f6rg"],
  ])("a user with %s in its name is not taken into the message", async (_, user) => {
    t.api.faults.add({
      kind: "status",
      code: 403,
      message: `pods "web-0" is forbidden: User "${user}" cannot get resource`,
      path: "*/pods/*",
    });
    const error = await failure(t.source("kubelet", 1000).read(WEB));
    expect(error.message).toMatch(
      /pods "web-0" is forbidden for the user of \/.*kubelet\.kubeconfig: /,
    );
    expect(error.message + error.details).toMatch(/^[\x20-\x7e]*$/);
  });
  test("anonymous access is refused one way or the other", async () => {
    expect([103, 104, 11]).toContain((await failure(t.source("anonymous").read(WEB))).code);
  });
  test("a pod that does not exist yet: try again", async () => {
    const error = await failure(t.source("admin").read({ namespace: "team-a", name: "absent" }));
    expect([error.code, error.message]).toEqual([
      11,
      expect.stringMatching(/pod team-a\/absent: https:.*does not have the pod yet/),
    ]);
    expect(t.slept).toEqual([]);
  });
  test("a namespace that does not exist: try again", async () => {
    const error = await failure(t.source().readNamespace({ namespace: "team-z", name: "absent" }));
    expect([error.code, error.message]).toEqual([
      11,
      expect.stringMatching(/does not have namespace team-z yet/),
    ]);
  });
});
