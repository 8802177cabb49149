import { type Refusal, lookAtApi, type LookOptions } from "../../../../../lib/kube/watch/once";
import type { KubeconfigKind } from "../../../../apiserver/kubeconfig";
import type * as ClientNode from "../client-node";
import { KEY, useCaches } from "./harness";

jest.mock("@kubernetes/client-node/dist/config.js", () =>
  jest.requireActual<typeof ClientNode>("../client-node").loadClientNode(),
);
jest.mock("@kubernetes/client-node/dist/exec_auth.js", () =>
  jest.requireMock("@kubernetes/client-node/dist/config.js"),
);

const harness = useCaches();
const clock = {
  now: () => new Date(),
  elapsed: () => performance.now(),
  sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
};

function look(
  kind: KubeconfigKind = "kubelet",
  namespaces: readonly string[] = [],
  more: Partial<LookOptions> = {},
) {
  const kubeconfigPath = harness.api.kubeconfig(kind);
  const keys = new Set([KEY]);
  return lookAtApi({
    ...{ kubeconfigPath, keys, namespaces, clock, timeoutMs: 5000, nodeName: "n1" },
    ...more,
  });
}
/** Why the pods could not be listed; none of the namespaces may have been asked for. */
async function refusal(...args: Parameters<typeof look>): Promise<Refusal> {
  const { pods, namespaces } = await look(args[0], ["team-a"], args[2]);
  expect([...namespaces]).toEqual([]);
  if (!("refusal" in pods)) throw new Error("the pods were listed");
  return pods.refusal;
}

test("the node's pods with the annotations that are kept, each namespace, and one that does not exist", async () => {
  const { server, pods, namespaces } = await look("kubelet", ["team-a", "default", "nowhere"]);
  expect(server).toMatch(/^https:\/\//);
  const part = { namespace: "team-a", mirror: false, annotations: {} };
  expect(pods).toEqual({
    value: [
      { ...part, name: "web-0", uid: "uid-web-0", annotations: { [KEY]: "0x10" } },
      { ...part, name: "plain", uid: "uid-plain" },
      { ...part, name: "static-n1", uid: "uid-mirror", mirror: true },
    ],
  });
  expect(Object.fromEntries(namespaces)).toEqual({
    "team-a": { value: { [KEY]: "0x20" } },
    default: { value: {} },
    nowhere: { value: {} },
  });
  expect([...harness.asked()].sort()).toEqual([
    "get namespaces/default",
    "get namespaces/nowhere",
    "get namespaces/team-a",
    "list pods",
  ]);
});

test("more namespaces than are asked for at once are each asked for once", async () => {
  const names = Array.from({ length: 20 }, (_, i) => `team-${i}`);
  const { namespaces } = await look("kubelet", names);
  expect([...namespaces.keys()].sort()).toEqual([...names].sort());
  expect(harness.asked()).toHaveLength(21);
});

test("a long list comes page by page", async () => {
  const pod = (i: number): string =>
    `{apiVersion: v1, kind: Pod, metadata: {name: many-${i}, namespace: team-a, uid: u-${i}}, spec: {nodeName: n1}}`;
  harness.api.objects.apply(Array.from({ length: 600 }, (_, i) => pod(i)).join("\n---\n"));
  const { pods } = await look();
  const names = "value" in pods ? pods.value.map(({ name }) => name) : [];
  expect([names.length, new Set(names).size]).toEqual([603, 603]);
  const queries = harness.api.requests.list().map(({ url }) => new URL(url, "https://api"));
  expect(queries.map(({ searchParams }) => searchParams.get("limit"))).toEqual(["500", "500"]);
  expect(queries.map(({ searchParams }) => searchParams.has("continue"))).toEqual([false, true]);
});

test.each<[KubeconfigKind, string, string]>([
  ["kubelet", "elsewhere", "n1"],
  ["admin", "n1", "n1"],
  ["admin", "elsewhere", "elsewhere"],
])("%s on the node %s asks for the pods of %s", async (kind, nodeName, asked) => {
  await look(kind, [], { nodeName });
  const [request] = harness.api.requests.list();
  const { searchParams } = new URL(request?.url ?? "", "https://api");
  expect(searchParams.get("fieldSelector")).toBe(`spec.nodeName=${asked}`);
});

describe("what the pods' list is refused with, and then no namespace is asked for", () => {
  test.each<[KubeconfigKind, Refusal["kind"], RegExp]>([
    ["bad-token", "unauthorized", /the list of pods answered 401/],
    ["anonymous", "unauthorized", /the list of pods answered 401/],
    ["wrong-ca", "untrusted", /^the certificate of https:.* cannot be verified/],
    ["wrong-name", "untrusted", /ERR_TLS_CERT_ALTNAME_INVALID/],
    ["foreign-client", "unauthorized", /the list of pods answered 401/],
    ["missing-cert", "other", /absent\.pem/],
    ["exec-fails", "other", /^credential plugin .*exec-fails\.sh.* failed/],
  ])("kubeconfig %s: %s", async (kind, expected, message) => {
    expect(await refusal(kind)).toEqual({
      kind: expected,
      message: expect.stringMatching(message),
    });
  });

  test.each<[number, Refusal["kind"]]>([
    [401, "unauthorized"],
    [404, "other"],
    [410, "other"],
    [429, "unreachable"],
    [500, "unreachable"],
    [503, "unreachable"],
  ])("status %i: %s", async (code, kind) => {
    harness.api.faults.add({ kind: "status", code, message: "not today" });
    const found = await refusal();
    expect([found.kind, found.message]).toEqual([kind, expect.stringContaining("not today")]);
  });

  test("no kubeconfig: its path stands for the server", async () => {
    const kubeconfigPath = `${harness.dir}/absent`;
    const { server, pods } = await look("kubelet", [], { kubeconfigPath });
    expect([server, pods]).toEqual([
      kubeconfigPath,
      { refusal: { kind: "other", message: expect.stringContaining(kubeconfigPath) } },
    ]);
  });

  test("a connection that is reset", async () => {
    harness.api.faults.add({ kind: "reset" });
    expect(await refusal()).toEqual({
      kind: "unreachable",
      message: expect.stringMatching(/^https:.* cannot be reached \(ECONNRESET\)/),
    });
  });

  test("no answer in time", async () => {
    harness.api.faults.add({ kind: "hang" });
    expect(await refusal("kubelet", [], { timeoutMs: 300 })).toEqual({
      kind: "unreachable",
      message: expect.stringContaining("did not answer in time"),
    });
  });

  test("an answer that never ends", async () => {
    harness.api.faults.add({ kind: "drip", ms: 200, bytes: 1 });
    const started = performance.now();
    await refusal("kubelet", [], { timeoutMs: 500 });
    expect(performance.now() - started).toBeLessThan(60_000);
  });

  test.each([
    ["nonJson", "the list is not valid JSON"],
    ["empty", "the list is empty"],
  ] as const)("%s instead of a list", async (kind, message) => {
    harness.api.faults.add({ kind });
    expect(await refusal()).toEqual({ kind: "other", message: expect.stringContaining(message) });
  });

  test("a list that is cut in the middle is none", async () => {
    harness.api.faults.add({ kind: "truncated" });
    expect(await refusal()).toEqual({
      kind: "unreachable",
      message: expect.stringMatching(
        /the list of pods was cut off in the middle: run the command again, .*proxy/,
      ),
    });
  });
});

describe("what only some of it is refused", () => {
  test("pods are forbidden: the namespaces are read all the same", async () => {
    harness.api.faults.add({ kind: "status", code: 403, message: "no pods", path: "*/pods" });
    const { pods, namespaces } = await look("kubelet", ["team-a"]);
    expect(pods).toEqual({
      refusal: { kind: "forbidden", message: expect.stringContaining("answered 403: no pods") },
    });
    expect(namespaces.get("team-a")).toEqual({ value: { [KEY]: "0x20" } });
  });

  test("one namespace is: the other is read", async () => {
    harness.api.faults.add({ kind: "status", code: 403, path: "*/namespaces/team-a" });
    const { server, namespaces } = await look("kubelet", ["team-a", "default"]);
    expect(namespaces.get("team-a")).toEqual({
      refusal: {
        kind: "forbidden",
        message: expect.stringContaining(`${server}: namespace team-a answered 403`),
      },
    });
    expect(namespaces.get("default")).toEqual({ value: {} });
  });

  test.each([
    ["[]", "the answer is not an object"],
    ["<html>", "the answer is not valid JSON"],
    ['{"metadata":{}}', "an object has no name or no UID"],
  ])("a namespace is answered with %s", async (text, message) => {
    harness.api.faults.add({ kind: "body", text, path: "*/namespaces/team-a" });
    const { namespaces } = await look("kubelet", ["team-a"]);
    expect(namespaces.get("team-a")).toEqual({
      refusal: { kind: "other", message: expect.stringContaining(message) },
    });
  });
});
