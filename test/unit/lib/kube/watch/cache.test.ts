import type { PodRef } from "../../../../../lib/cni/request";
import type * as ClientNode from "../client-node";
import { failure, WEB } from "../harness";
import { changesOf, KEY, RBAC_WATCH, synced, until, useCaches } from "./harness";

jest.mock("@kubernetes/client-node/dist/config.js", () =>
  jest.requireActual<typeof ClientNode>("../client-node").loadClientNode(),
);
jest.mock("@kubernetes/client-node/dist/exec_auth.js", () =>
  jest.requireMock("@kubernetes/client-node/dist/config.js"),
);

const harness = useCaches();
const web = { resource: "pods", namespace: "team-a", name: "web-0" };
const teamA = { resource: "namespaces", name: "team-a" };
const PLAIN: PodRef = { namespace: "team-a", name: "plain", uid: "uid-plain" };
const annotate = (ref: typeof web | typeof teamA, annotations: Record<string, string>): void =>
  void harness.api.objects.update(ref, (object) => (object.metadata.annotations = annotations));
const pod = (name: string, rest = "", spec = "nodeName: n1"): string =>
  `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: team-a, uid: uid-${name}${rest}}, spec: {${spec}}}`;

describe("a known pod", () => {
  test("needs no request, nor does its namespace, by watch", async () => {
    harness.api.objects.apply(RBAC_WATCH);
    const cache = harness.cache();
    await synced(cache);
    await until("namespaces", () => cache.state().namespacesBy === "watch");
    harness.api.requests.clear();
    expect(await cache.read(WEB)).toEqual({ pod: { [KEY]: "0x10" }, namespace: { [KEY]: "0x20" } });
    expect(await cache.read(PLAIN)).toEqual({ pod: {}, namespace: { [KEY]: "0x20" } });
    expect(await cache.readNamespace(WEB)).toEqual({ [KEY]: "0x20" });
    expect(harness.asked()).toEqual([]);
  });

  test("the same by polling, where the watch is not granted", async () => {
    const cache = harness.cache();
    await until("polled", () => cache.state().namespaces === 1);
    expect(harness.asked()).toEqual(
      expect.arrayContaining([
        "list pods",
        "watch pods",
        "list namespaces",
        "get namespaces/team-a",
      ]),
    );
    harness.api.requests.clear();
    expect(await cache.read(PLAIN)).toEqual({ pod: {}, namespace: { [KEY]: "0x20" } });
    expect(harness.asked()).toEqual([]);
    expect(cache.state()).toMatchObject({
      synced: true,
      namespacesBy: "poll",
      pods: 3,
      problems: [],
    });
    expect(cache.state().requests).toContainEqual({
      ...{ resource: "namespaces", verb: "list", status: 403, count: 1 },
    });
  });

  test("the namespace is not read where the pod decides", async () => {
    const cache = harness.cache();
    await synced(cache);
    expect(await cache.read(WEB, () => true)).toEqual({ pod: { [KEY]: "0x10" }, namespace: {} });
  });

  test("a mirror pod has another UID than the runtime knows", async () => {
    const cache = harness.cache();
    await until("polled", () => cache.state().namespaces === 1);
    harness.api.requests.clear();
    const ref = { namespace: "team-a", name: "static-n1", uid: "hash-of-manifest" };
    expect(await cache.read(ref)).toEqual({ pod: {}, namespace: { [KEY]: "0x20" } });
    expect(harness.asked()).toEqual([]);
  });

  test("can be looked up, alone and by namespace", async () => {
    const cache = harness.cache();
    await synced(cache);
    expect(cache.pod("team-a", "web-0")).toMatchObject({
      uid: "uid-web-0",
      annotations: { [KEY]: "0x10" },
    });
    expect(cache.podsOf("team-a").map(({ name }) => name)).toEqual(["web-0", "plain", "static-n1"]);
    expect([cache.pod("team-a", "none"), cache.podsOf("none")]).toEqual([undefined, []]);
  });
});

describe("what the cache does not know", () => {
  /** Holds the watch back, so that only a GET can tell. */
  async function blind() {
    harness.api.faults.add({ kind: "silence", verb: "watch" });
    const cache = harness.cache();
    await until("polled", () => cache.state().namespaces === 1);
    harness.api.requests.clear();
    return cache;
  }

  test("a pod: one GET, remembered", async () => {
    const cache = await blind();
    harness.api.objects.apply(pod("new", `, annotations: {${KEY}: "0x30"}`));
    const ref = { namespace: "team-a", name: "new", uid: "uid-new" };
    const expected = { pod: { [KEY]: "0x30" }, namespace: { [KEY]: "0x20" } };
    expect([await cache.read(ref), await cache.read(ref)]).toEqual([expected, expected]);
    expect(harness.asked()).toEqual(["get namespaces/team-a/pods/new"]);
  });

  test("a pod that nobody knows is code 11", async () => {
    const cache = await blind();
    const ref = { namespace: "team-a", name: "nobody", uid: "u" };
    expect((await failure(cache.read(ref))).code).toBe(11);
  });

  test("another pod under a known name: one GET, then code 11 where it is not the one either", async () => {
    const cache = await blind();
    harness.api.objects.remove(web);
    harness.api.objects.apply(pod("web-0").replace("uid-web-0", "uid-next"));
    expect(await cache.read({ ...WEB, uid: "uid-next" })).toMatchObject({ pod: {} });
    expect(harness.asked()).toEqual(["get namespaces/team-a/pods/web-0"]);
    expect((await failure(cache.read({ ...WEB, uid: "uid-third" }))).code).toBe(11);
  });

  test("a namespace: one GET", async () => {
    const cache = await blind();
    harness.api.objects.apply("{apiVersion: v1, kind: Namespace, metadata: {name: team-n}}");
    const ref = { namespace: "team-n", name: "x" };
    expect([await cache.readNamespace(ref), await cache.readNamespace(ref)]).toEqual([{}, {}]);
    expect(harness.asked()).toEqual(["get namespaces/team-n"]);
  });

  test("a name that Kubernetes cannot have given is not asked for", async () => {
    const cache = await blind();
    expect((await failure(cache.read({ namespace: "..", name: "x" }))).code).toBe(4);
    expect((await failure(cache.readNamespace({ namespace: "..", name: "x" }))).code).toBe(4);
    expect(harness.asked()).toEqual([]);
  });

  test("annotations that are too long to be kept are asked for each time", async () => {
    const long = "x".repeat(5000);
    annotate(web, { [KEY]: long });
    const cache = await blind();
    expect((await cache.read(WEB)).pod[KEY]).toBe(long);
    expect((await cache.read(WEB)).pod[KEY]).toBe(long);
    expect(harness.asked()).toHaveLength(2);
  });
});

describe("onChange", () => {
  test("a pod's annotation is added, changed, removed; others do not matter", async () => {
    const cache = harness.cache();
    await synced(cache);
    const changes = changesOf(cache);
    const plain = { ...web, name: "plain" };
    for (const value of ["0x1", "0x2", undefined]) {
      annotate(plain, value === undefined ? {} : { [KEY]: value });
      await until("told", () => changes.length > 0);
      expect(changes.splice(0)).toEqual([{ namespace: "team-a", name: "plain" }]);
      expect(cache.pod("team-a", "plain")?.annotations?.[KEY]).toBe(value);
    }
    annotate(plain, { other: "thing" });
    annotate(web, { [KEY]: "0x11" });
    await until("told", () => changes.length > 0);
    expect(changes).toEqual([{ namespace: "team-a", name: "web-0" }]);
  });

  test("a pod that is deleted and created again under the same name", async () => {
    const cache = harness.cache();
    await synced(cache);
    harness.api.objects.remove(web);
    await until("gone", () => cache.pod("team-a", "web-0") === undefined);
    harness.api.objects.apply(pod("web-0").replace("uid-web-0", "uid-2"));
    await until("back", () => cache.pod("team-a", "web-0")?.uid === "uid-2");
    expect(await cache.read({ ...WEB, uid: "uid-2" })).toMatchObject({ pod: {} });
    expect((await failure(cache.read(WEB))).code).toBe(11);
  });

  test("a namespace with local pods, by poll and by watch; one without is nobody's business", async () => {
    const polled = harness.cache({ pollMs: 50 });
    await until("polled", () => polled.state().namespaces === 1);
    harness.api.objects.apply(RBAC_WATCH);
    const watched = harness.cache();
    await synced(watched);
    await until("watched", () => watched.state().namespacesBy === "watch");
    const [one, two] = [changesOf(polled), changesOf(watched)];
    harness.api.objects.update({ ...teamA, name: "default" }, (found) => {
      found.metadata.annotations = { [KEY]: "0x1" };
    });
    annotate(teamA, { [KEY]: "0x21" });
    await until("told", () => one.length > 0 && two.length > 0);
    expect([one, two]).toEqual([[{ namespace: "team-a" }], [{ namespace: "team-a" }]]);
    expect(await polled.readNamespace(WEB)).toEqual({ [KEY]: "0x21" });
  });

  test("what a GET brought and the watch contradicts is a change", async () => {
    harness.api.faults.add({ kind: "silence", verb: "watch", path: "*/pods", count: 1 });
    const cache = harness.cache();
    await synced(cache);
    harness.api.objects.apply(pod("late"));
    const ref = { namespace: "team-a", name: "late", uid: "uid-late" };
    expect(await cache.read(ref, () => true)).toMatchObject({ pod: {} });
    const changes = changesOf(cache);
    annotate({ ...web, name: "late" }, { [KEY]: "0x9" });
    cache.keepKeys([KEY, "more"]);
    await until("told", () => changes.length > 0);
    expect(changes).toContainEqual({ namespace: "team-a", name: "late" });
  });
});
