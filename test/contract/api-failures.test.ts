/** An API server that refuses, fails, hangs or talks nonsense. */
import { useApi } from "../helpers/api";
import { CLUSTER, RBAC, documents, namespace, pod } from "../helpers/api-objects";
import { conf, type Conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectNothingMade, expectOk, type Outcome } from "../helpers/outcome";
import type { Fault } from "../apiserver/faults";

const world = useWorld();
const api = useApi(world, CLUSTER);

async function add(...changes: Conf[]): Promise<Outcome> {
  const kubeconfig = await api.kubeconfig("kubelet");
  return world.run("ADD", { conf: conf({ kubeconfig, runtimeConfig: undefined }, ...changes) });
}

test("a pod that the API does not know (404) is refused with code 11 that names it", async () => {
  await api.remove("pods", "team-a", "web-0");
  const outcome = await add();
  expectError(outcome, "tryAgainLater", "team-a/web-0");
  expectNothingMade(world, outcome);
});

test("401 is code 104 that names the kubeconfig", async () => {
  await api.fault({ kind: "status", code: 401 });
  const outcome = await add();
  expectError(outcome, "unauthorized", "kubelet.kubeconfig");
  expectNothingMade(world, outcome);
});

test("403 on the pod is code 103 about the pod", async () => {
  await api.fault({ kind: "status", code: 403, path: "*/pods/*" });
  const outcome = await add({ apiTimeout: "1s" });
  expectError(outcome, "forbidden", "pods", "team-a/web-0");
  expectNothingMade(world, outcome);
});

/** A cluster without our ClusterRole. */
const withoutRbac = (): Promise<void> =>
  api.apply(RBAC.replace('resources: ["namespaces"]', 'resources: ["configmaps"]'));

test("403 on the namespace, as in every cluster without our ClusterRole, names the remedy", async () => {
  await withoutRbac();
  await api.apply(pod({}));
  const outcome = await add({ apiTimeout: "1s" });
  expectError(
    outcome,
    "forbidden",
    `namespaces "team-a" is forbidden`,
    "system:node:",
    "manifests/rbac.yaml",
  );
  expectNothingMade(world, outcome);
});

const mark = (): string | undefined =>
  /--set-xmark (\S+)/.exec(world.firewall.ours()[0] ?? "")?.[1];

test.each(["*/pods/*", "*/team-a"])(
  "403 on %s, as an API server says until RBAC has synced, is asked again, and the pod starts",
  async (path) => {
    await api.apply(documents(namespace("0x20/0xff"), pod({})));
    await api.fault({ kind: "status", code: 403, path, count: 3 });
    expectOk(await add());
    expect(mark()).toBe("0x20/0xff");
  },
);

test("403 on the namespace does not matter to a pod whose own annotation decides", async () => {
  await withoutRbac();
  expectOk(await add());
  expect(mark()).toBe("0x10/0xff");
});

test.each([503, 429])("%i once is asked again, and the pod starts", async (code) => {
  await api.fault({ kind: "status", code, count: 1, path: "*/pods/*" });
  expectOk(await add());
  expect(mark()).toBe("0x10/0xff");
});

test.each([
  ["503 for ever", { kind: "status", code: 503 }],
  ["connections reset", { kind: "reset" }],
  ["TLS reset", { kind: "tlsReset" }],
  ["no answer", { kind: "hang" }],
  ["no TLS handshake", { kind: "tlsHang" }],
  ["an answer in drips", { kind: "drip", ms: 200 }],
] as const)("%s is code 11 within the limit, before the delegate ran", async (_, fault) => {
  await api.fault(fault);
  const outcome = await add({ apiTimeout: "1s" });
  expectError(outcome, "tryAgainLater", "team-a/web-0", api.url);
  expect(outcome.ms).toBeLessThan(60_000);
  expect((await api.requests()).length).toBeLessThanOrEqual(20);
  expectNothingMade(world, outcome);
});

test("a stopped API server is code 11 that names pod and server, and nothing is made", async () => {
  await api.stop();
  const outcome = await add({ apiTimeout: "1s" });
  expectError(outcome, "tryAgainLater", "team-a/web-0", api.url);
  expectNothingMade(world, outcome);
});

/** Every other form of answer: test/unit/lib/kube/answer.test.ts. */
const ODD: readonly (readonly [string, Fault])[] = [
  [
    "a redirect to another server",
    { kind: "redirect", location: "https://127.0.0.1:1/x", code: 307 },
  ],
  ["100 MB", { kind: "huge" }],
  ["100 MB, compressed", { kind: "huge", gzip: true }],
  ["101 Switching Protocols", { kind: "switchProtocols" }],
  ["half an object", { kind: "truncated" }],
  [
    "invalid UTF-8",
    {
      kind: "body",
      base64: Buffer.from(
        `{"kind":"PartialObjectMetadata","metadata":{"name":"web-0","annotations":{"a":"\xff"}}}`,
        "latin1",
      ).toString("base64"),
    },
  ],
];

test.each(ODD)(
  "an API server that answers %s causes a bounded error, and nothing is made",
  async (_, fault) => {
    await api.fault(fault);
    const kubeconfig = await api.kubeconfig();
    const given = conf({ kubeconfig, runtimeConfig: undefined, apiTimeout: "3s" });
    const outcome = await world.run("ADD", { conf: given, measure: true });
    expectError(outcome, ["apiAnswer", "tryAgainLater"], "team-a/web-0");
    expect(outcome.ms).toBeLessThan(60_000);
    expect(outcome.maxRssMiB).toBeLessThan(120);
    expect(outcome.stdout.length).toBeLessThan(4096);
    expectNothingMade(world, outcome);
  },
);
