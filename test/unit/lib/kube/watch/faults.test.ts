import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { KUBELET_TOKEN } from "../../../../apiserver/api-server";
import type * as ClientNode from "../client-node";
import { failure, WEB } from "../harness";
import { KEY, RBAC_WATCH, synced, until, useCaches } from "./harness";

jest.mock("@kubernetes/client-node/dist/config.js", () =>
  jest.requireActual<typeof ClientNode>("../client-node").loadClientNode(),
);
jest.mock("@kubernetes/client-node/dist/exec_auth.js", () =>
  jest.requireMock("@kubernetes/client-node/dist/config.js"),
);

const harness = useCaches();
const web = { resource: "pods", namespace: "team-a", name: "web-0" };
const annotate = (value: string): void =>
  void harness.api.objects.update(web, (pod) => (pod.metadata.annotations = { [KEY]: value }));
const count = (what: string): number => harness.asked().filter((one) => one === what).length;
/** A running cache; `value` is what it has for the pod web-0. */
async function running(options: Parameters<typeof harness.cache>[0] = {}) {
  const cache = harness.cache(options);
  await synced(cache);
  await until("watching", () => count("watch pods") > 0 && harness.api.watches.count > 0);
  const has = (value: string): Promise<void> =>
    until(value, () => cache.pod("team-a", "web-0")?.annotations?.[KEY] === value);
  return { cache, has };
}
const problems = (cache: Awaited<ReturnType<typeof running>>["cache"]): string =>
  cache.state().problems.join("\n");

describe("a watch goes on where it was", () => {
  test("when its connection is cut", async () => {
    const { cache, has } = await running({ speed: 100 });
    harness.api.watches.cut();
    annotate("0x91");
    await has("0x91");
    expect(count("list pods")).toBe(1);
    await until("well", () => cache.state().problems.length === 0);
  });

  test("at once, when its time is over", async () => {
    const { cache, has } = await running();
    await until("a second later", () => (cache.state().ageMs.pods ?? 0) > 1000);
    harness.api.watches.end();
    annotate("0x90");
    await has("0x90");
    expect([count("list pods"), problems(cache)]).toEqual([1, ""]);
  });

  test("after a pause, when it ends at once and brings nothing", async () => {
    harness.api.faults.add({ kind: "empty", verb: "watch", path: "*/pods", count: 2 });
    const { cache, has } = await running();
    annotate("0x90");
    await has("0x90");
    expect([count("list pods"), count("watch pods")]).toEqual([1, 3]);
    expect(harness.pauses).toEqual(expect.arrayContaining([250, 500]));
    expect(problems(cache)).toBe("");
  });

  test("when it ends in the middle of an event, which then comes again", async () => {
    harness.api.faults.add({ kind: "halfLine", verb: "watch", path: "*/pods", count: 1 });
    const { has } = await running({ speed: 100 });
    annotate("0x92");
    await has("0x92");
    expect([count("list pods"), count("watch pods")]).toEqual([1, 2]);
  });

  test("from the last bookmark, although history before it is gone", async () => {
    const { cache, has } = await running({ speed: 10 });
    harness.api.objects.apply("{apiVersion: v1, kind: Namespace, metadata: {name: elsewhere}}");
    const ageMs = (): number => cache.state().ageMs.pods ?? 0;
    await until("quiet", () => ageMs() > 500);
    harness.api.watches.bookmark();
    await until("heard of", () => ageMs() < 500);
    const last = harness.api.objects.resourceVersion;
    harness.api.watches.cut();
    await until("again", () => count("watch pods") === 2);
    expect(harness.api.requests.list("*/pods").at(-1)?.url).toContain(`resourceVersion=${last}`);
    annotate("0x93");
    await has("0x93");
    expect(count("list pods")).toBe(1);
  });

  test("when the server says nothing, not even that the time is over", async () => {
    harness.api.faults.add({ kind: "silence", verb: "watch", path: "*/pods", count: 1 });
    const { has } = await running({ speed: 1000 });
    annotate("0x94");
    await has("0x94");
    expect(harness.pauses).toContain(330_000);
  });

  test.each([500, 503, 429])("after a %d, and not before Retry-After", async (code) => {
    harness.api.faults.add({ kind: "status", code, verb: "watch", count: 1, retryAfter: 77 });
    const { cache, has } = await running({ speed: 500 });
    annotate("0x95");
    await has("0x95");
    expect([count("list pods"), harness.pauses.includes(77_000)]).toEqual([1, true]);
    expect(cache.state().requests).toContainEqual(
      expect.objectContaining({ resource: "pods", verb: "watch", status: code }),
    );
  });

  test("when the server was away; what is known counts a while, then no longer", async () => {
    const { cache, has } = await running({ speed: 100 });
    await harness.api.stop();
    try {
      expect((await cache.read(WEB, () => true)).pod).toEqual({ [KEY]: "0x10" });
      await until("not trusted", () => !cache.state().synced);
      expect((await failure(cache.read(WEB))).code).toBe(11);
      expect(problems(cache)).toContain("ECONNREFUSED");
    } finally {
      await harness.api.start();
    }
    annotate("0x96");
    await has("0x96");
    await synced(cache);
    expect(count("list pods")).toBe(1);
  });
});

describe("everything is listed again", () => {
  test.each(["event", "status"] as const)("at a 410 as %s", async (goneAs) => {
    const { has } = await running({ speed: 100 });
    harness.api.watches.goneAs = goneAs;
    annotate("0x81");
    harness.api.objects.expireHistory();
    harness.api.watches.cut();
    await has("0x81");
    await until("listed", () => count("list pods") === 2);
    expect(harness.api.requests.list("*/pods").map(({ url }) => url)).toContainEqual(
      expect.stringMatching(/limit=500&resourceVersion=[1-9]\d+&resourceVersionMatch=NotOlderThan/),
    );
  });

  test("at a 410 in the middle of a watch", async () => {
    const { has } = await running({ speed: 100 });
    harness.api.watches.gone();
    annotate("0x82");
    await has("0x82");
    await until("listed", () => count("list pods") === 2);
  });

  test("from the latest, where the server's version is below ours", async () => {
    const { cache } = await running({ speed: 100 });
    const list = { verb: "list", path: "*/pods" };
    harness.api.faults.add({ kind: "status", code: 504, count: 1, ...list });
    harness.api.watches.gone();
    await until("listed", () => count("list pods") === 3);
    expect(harness.api.requests.list("*/pods").at(-1)?.url).not.toContain("NotOlderThan");
    await until("well", () => cache.state().problems.length === 0);
  });

  test("after an event that is no JSON, none at all, or of no known type", async () => {
    const lines = [
      "{",
      '{"type":"ADDED"}',
      '{"type":"ODD","object":{"metadata":{"name":"x","uid":"y"}}}',
    ];
    const cache = harness.cache({ speed: 10 });
    for (const text of lines) {
      // It strikes until it has been met: one of a number could meet a request of the test before.
      const fault = { kind: "body", verb: "watch", path: "*/pods", text: `${text}\n` } as const;
      harness.api.faults.add(fault);
      const listed = count("list pods");
      harness.api.watches.cut();
      await until(`listed after ${text}`, () => count("list pods") > listed + 1);
      harness.api.faults.clear();
    }
    await until("watching", () => harness.api.watches.count > 0);
    expect(cache.pod("team-a", "web-0")).toBeDefined();
  });

  test("with pages of 500, 1,000 pods and more", async () => {
    for (let i = 0; i < 1000; i++)
      harness.api.objects.apply(
        `{apiVersion: v1, kind: Pod, metadata: {name: p${i}, namespace: team-a, annotations: {${KEY}: "0x${i}"}}}`,
      );
    const { cache, has } = await running({ speed: 100 });
    expect([count("list pods"), cache.state().pods]).toEqual([3, 1003]);
    harness.api.objects.remove({ ...web, name: "p7" });
    harness.api.objects.expireHistory();
    harness.api.watches.cut();
    annotate("0x83");
    await has("0x83");
    await until("without it", () => cache.state().pods === 1002);
    expect(cache.pod("team-a", "p999")?.annotations).toEqual({ [KEY]: "0x999" });
  });
});

describe("credentials", () => {
  test("that are replaced while a watch runs are read again", async () => {
    const kubeconfigPath = harness.api.kubeconfig("token-file");
    const { cache, has } = await running({ kubeconfigPath, speed: 10 });
    const { tokens } = harness.api;
    const user = tokens.get(KUBELET_TOKEN);
    if (user === undefined) throw new Error("no user");
    tokens.delete(KUBELET_TOKEN);
    tokens.set("next-token", user);
    try {
      writeFileSync(join(harness.dir, "token"), "next-token\n");
      harness.api.watches.cut();
      annotate("0x71");
      await has("0x71");
      expect(cache.state().requests).toContainEqual(
        expect.objectContaining({ resource: "pods", verb: "watch", status: 401 }),
      );
      expect([count("list pods"), problems(cache)]).toEqual([1, ""]);
    } finally {
      tokens.set(KUBELET_TOKEN, user);
    }
  });

  test("are read again after five minutes, without a 401", async () => {
    const { cache, has } = await running({ speed: 500 });
    harness.api.pki.rotateKubeletClient({ expired: true, removeOld: true });
    await until("read again", () => problems(cache).includes("expired"));
    harness.api.pki.rotateKubeletClient();
    annotate("0x72");
    await has("0x72");
    await until("well", () => problems(cache) === "");
  });

  test("that stay refused are a problem, told once, until they are good", async () => {
    const warned: string[] = [];
    const cache = harness.cache({
      ...{ kind: "bad-token", speed: 100, hostname: "n1" },
      warn: (message) => warned.push(message),
    });
    await until("retried", () => count("list pods") >= 4);
    expect(problems(cache)).toContain("answered 401");
    expect(warned.filter((message) => message.includes("list of pods answered"))).toHaveLength(1);
    expect((await failure(cache.read(WEB))).code).toBe(104);
  });

  test("everybody is refused until RBAC has synced", async () => {
    harness.api.faults.add({ kind: "status", code: 403, message: "forbidden", count: 3 });
    const cache = harness.cache({ speed: 1000 });
    await synced(cache);
    await until("well", () => problems(cache) === "");
  });

  test("a kubeconfig that appears later", async () => {
    const cache = harness.cache({ speed: 100, kubeconfigPath: join(harness.dir, "absent") });
    await until("told", () => problems(cache).includes("absent"));
    expect(cache.state()).toMatchObject({ synced: false, ageMs: { pods: undefined } });
    writeFileSync(join(harness.dir, "absent"), "{}", { mode: 0o600 });
    harness.edited("absent", (text) => text);
    await synced(cache);
  });
});

describe("the node's name", () => {
  test("is that of the certificate, whatever else is said", async () => {
    await running({ nodeName: "n7", environment: { NODE_NAME: "n8" }, hostname: "N9" });
  });

  test.each([
    [
      { nodeName: "n7", environment: { NODE_NAME: "n8" } },
      "node n7, a name from the option nodeName",
    ],
    [
      { environment: { NODE_NAME: "n8" } },
      "node n8, a name from the environment variable NODE_NAME",
    ],
    [{ hostname: "N9" }, "node n9, a name from the host's name"],
  ])("else that of %j, which a refusal names", async (options, expected) => {
    const cache = harness.cache({ kind: "token", ...options });
    await until("refused", () => problems(cache) !== "");
    expect(problems(cache)).toContain(expected);
  });
});

test("namespaces are watched as soon as rbac.yaml grants it", async () => {
  const cache = harness.cache({ speed: 2000 });
  await until("polled", () => cache.state().namespaces === 1);
  harness.api.objects.apply(RBAC_WATCH);
  await until("watched", () => cache.state().namespacesBy === "watch");
  expect(harness.pauses).toContain(180_000);
});

test("stop ends every watch and timer at once; start begins anew", async () => {
  const { cache } = await running();
  await until("polled", () => cache.state().namespaces === 1);
  cache.start();
  cache.stop();
  cache.stop();
  await until("closed", () => harness.api.watches.count === 0 && harness.timers() === 0);
  expect(cache.state()).toMatchObject({ synced: false, pods: 0, namespaces: 0 });
  cache.start();
  await synced(cache);
});
