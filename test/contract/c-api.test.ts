/** Catalogue C1-C5, C9-C12: annotations from the API server, and what it answers instead. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { useApi } from "../helpers/api";
import { KEY, annotations, conf, type Conf } from "../helpers/conf";
import { POD_UID, useWorld } from "../helpers/harness";
import { expectError, expectOk, type Outcome } from "../helpers/outcome";
import type { Fault } from "../apiserver/faults";

const RBAC = readFileSync(join(__dirname, "../../manifests/rbac.yaml"), "utf8");
const namespace = (value?: string): string =>
  `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team-a\n  annotations: ${JSON.stringify(value === undefined ? {} : { [KEY]: value })}\n`;
const pod = (found: Record<string, string>, uid = POD_UID): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: ${JSON.stringify({ name: "web-0", namespace: "team-a", uid, annotations: found })}\nspec: {}\n`;
const all = (...documents: string[]): string => documents.join("---\n");

const world = useWorld();
const api = useApi(world, all(RBAC, namespace(), pod({ [KEY]: "0x10/0xff" })));
const ASKED = ["/api/v1/namespaces/team-a", "/api/v1/namespaces/team-a/pods/web-0"];

async function add(...changes: Conf[]): Promise<Outcome> {
  const kubeconfig = await api.kubeconfig("kubelet");
  return world.run("ADD", { conf: conf({ kubeconfig, runtimeConfig: undefined }, ...changes) });
}
const asked = async (): Promise<readonly string[]> =>
  (await api.requests()).map((request) => request.path).sort();
const mark = (): string | undefined =>
  /--set-xmark (\S+)/.exec(world.firewall.ours()[0] ?? "")?.[1];

/** An ADD that must fail before anything was made. */
async function expectNothingMade(outcome: Outcome): Promise<void> {
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers()).toEqual([]);
}

test("C1 the pod's annotation, with one request each for pod and namespace, metadata only", async () => {
  expectOk(await add());
  expect(mark()).toBe("0x10/0xff");
  expect(await asked()).toEqual(ASKED);
  for (const { headers } of await api.requests())
    expect(headers["accept"]).toContain("as=PartialObjectMetadata");
});

test("C2 absent on the pod: the namespace's", async () => {
  await api.apply(all(namespace("0x20/0xff"), pod({ other: "x" })));
  expectOk(await add());
  expect(mark()).toBe("0x20/0xff");
});

test("C3 on neither: the pod runs unmarked", async () => {
  await api.apply(pod({}));
  const added = expectOk(await add());
  expect(world.firewall.ours()).toEqual([]);
  expectOk(await world.run("DEL", { conf: conf(), after: added }));
  expect(world.leftovers()).toEqual([]);
});

test("C4 on both: the pod wins", async () => {
  await api.apply(namespace("0x20/0xff"));
  expectOk(await add());
  expect(mark()).toBe("0x10/0xff");
});

test("C4 a second key on the pod beats the first on the namespace", async () => {
  await api.apply(all(namespace("0x20/0xff"), pod({ second: "0x30/0xff" })));
  expectOk(await add({ annotationKey: [KEY, "second"] }));
  expect(mark()).toBe("0x30/0xff");
});

test("C5 the key among the runtime's annotations: the API is not asked", async () => {
  expectOk(await add(annotations({ [KEY]: "0x30/0xff" })));
  expect(mark()).toBe("0x30/0xff");
  expect(await asked()).toEqual([]);
});

test("C5 annotations of the runtime without the key: only the namespace is asked for", async () => {
  await api.apply(namespace("0x20/0xff"));
  expectOk(await add(annotations({ other: "x" })));
  expect(mark()).toBe("0x20/0xff");
  expect(await asked()).toEqual([ASKED[0]]);
});

test.each([null, {}])("C5 runtime annotations %j: the API is asked for both", async (values) => {
  expectOk(await add(annotations(values)));
  expect(mark()).toBe("0x10/0xff");
  expect(await asked()).toEqual(ASKED);
});

test("C6 an empty annotation on the pod: code 7, although the namespace has one", async () => {
  await api.apply(all(namespace("0x20/0xff"), pod({ [KEY]: "" })));
  const outcome = await add();
  expectError(outcome, "invalidConfig", KEY);
  await expectNothingMade(outcome);
});

test("C9 the pod is not there (404): code 11 naming it", async () => {
  await api.remove("pods", "team-a", "web-0");
  const outcome = await add();
  expectError(outcome, "tryAgainLater", "team-a/web-0");
  await expectNothingMade(outcome);
});

test("C10 401: code 104 naming the kubeconfig", async () => {
  await api.fault({ kind: "status", code: 401 });
  const outcome = await add();
  expectError(outcome, "unauthorized", "kubelet.kubeconfig");
  await expectNothingMade(outcome);
});

test("C10 403 on the pod: code 103 about the pod", async () => {
  await api.fault({ kind: "status", code: 403, path: "*/pods/*" });
  const outcome = await add({ apiTimeout: "2s" });
  expectError(outcome, "forbidden", "pods", "team-a/web-0");
  await expectNothingMade(outcome);
});

/** A cluster without our ClusterRole. */
const withoutRbac = (): Promise<void> =>
  api.apply(RBAC.replace('resources: ["namespaces"]', 'resources: ["configmaps"]'));

test("C10 403 on the namespace, as every cluster without our ClusterRole has it: the remedy is named", async () => {
  await withoutRbac();
  await api.apply(pod({}));
  const outcome = await add({ apiTimeout: "2s" });
  expectError(
    outcome,
    "forbidden",
    `namespaces "team-a" is forbidden`,
    "system:node:",
    "manifests/rbac.yaml",
  );
  await expectNothingMade(outcome);
});

test.each(["*/pods/*", "*/team-a"])(
  "C10 403 on %s, as an API server says until RBAC has synced: asked again, and the pod starts",
  async (path) => {
    await api.apply(all(namespace("0x20/0xff"), pod({})));
    await api.fault({ kind: "status", code: 403, path, count: 3 });
    expectOk(await add());
    expect(mark()).toBe("0x20/0xff");
  },
);

test("C10 403 on the namespace does not matter to a pod whose own annotation decides", async () => {
  await withoutRbac();
  expectOk(await add());
  expect(mark()).toBe("0x10/0xff");
});

test.each([500, 502, 503, 504, 429])(
  "C11 %i once: asked again, and the pod starts",
  async (code) => {
    await api.fault({ kind: "status", code, count: 1, path: "*/pods/*" });
    expectOk(await add());
    expect(mark()).toBe("0x10/0xff");
  },
);

test.each([
  ["503 for ever", { kind: "status", code: 503 }],
  ["connections reset", { kind: "reset" }],
  ["TLS reset", { kind: "tlsReset" }],
  ["no answer", { kind: "hang" }],
  ["no TLS handshake", { kind: "tlsHang" }],
  ["an answer in drips", { kind: "drip", ms: 200 }],
] as const)("C11 %s: code 11 within the limit, before the delegate ran", async (_, fault) => {
  await api.fault(fault);
  const outcome = await add({ apiTimeout: "1500ms" });
  expectError(outcome, "tryAgainLater", "team-a/web-0", api.url);
  expect(outcome.ms).toBeLessThan(8000);
  expect((await api.requests()).length).toBeLessThanOrEqual(20);
  await expectNothingMade(outcome);
});

test("C11 the API server is stopped: code 11 naming pod and server, nothing made", async () => {
  await api.stop();
  const outcome = await add();
  expectError(outcome, "tryAgainLater", "team-a/web-0", api.url);
  await expectNothingMade(outcome);
});

test("C11 the API server is stopped, onError allow: the pod starts unmarked, with a warning", async () => {
  await api.stop();
  const outcome = expectOk(await add({ onError: "allow" }));
  expect(world.firewall.ours()).toEqual([]);
  expect(outcome.stderr).toContain("ECONNREFUSED");
  expect(world.log()).toMatch(/"level":"warn"/);
});

test.each(["deny", "allow"])(
  "C16 as many annotations as a pod may have, each byte six in JSON, onError %s: the namespace's tenant",
  async (onError) => {
    await api.apply(all(namespace("0x20/0xff"), pod({ other: "\x01".repeat(250 * 1024) })));
    expectOk(await add({ onError }));
    expect(mark()).toBe("0x20/0xff");
  },
);

test.each<[string, Fault]>([
  ["more than an object can have", { kind: "huge", bytes: 5_000_000 }],
  ["no JSON", { kind: "nonJson" }],
  ["nothing", { kind: "empty" }],
  ["another encoding than asked for", { kind: "huge", bytes: 5000, gzip: true }],
  [
    "annotations that are no strings",
    {
      kind: "body",
      text: `{"kind":"Pod","metadata":{"name":"web-0","namespace":"team-a","uid":"${POD_UID}","annotations":{"a":1}}}`,
    },
  ],
])(
  "C16 %s for the pod is refused with onError allow too: no owner gets rid of a tenant by it",
  async (_, fault) => {
    await api.apply(namespace("0x20/0xff"));
    await api.fault({ ...fault, path: "*/pods/*" } as Fault);
    const outcome = await add({ onError: "allow" });
    expectError(outcome, "apiAnswer", "team-a/web-0");
    await expectNothingMade(outcome);
  },
);

test("C12 another UID than the runtime's: code 11, nothing made", async () => {
  await api.apply(pod({ [KEY]: "0x10/0xff" }, "11111111-2222-4333-8444-555555555555"));
  const outcome = await add();
  expectError(outcome, "tryAgainLater", "UID", "team-a/web-0");
  await expectNothingMade(outcome);
});

test.each([{ "kubernetes.io/config.mirror": "hash" }, { "kubernetes.io/config.source": "file" }])(
  "C12 another UID of a static pod (%j) is accepted",
  async (extra) => {
    await api.apply(pod({ [KEY]: "0x10/0xff", ...extra }, "11111111-2222-4333-8444-555555555555"));
    expectOk(await add());
    expect(mark()).toBe("0x10/0xff");
  },
);

test("C12 source api is no static pod", async () => {
  await api.apply(
    pod(
      { [KEY]: "0x10/0xff", "kubernetes.io/config.source": "api" },
      "11111111-2222-4333-8444-555555555555",
    ),
  );
  expectError(await add(), "tryAgainLater", "UID");
});
