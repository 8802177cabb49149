import { request } from "node:https";
import { createInterface } from "node:readline";
import type { ApiServer } from "../../apiserver/api-server";
import {
  get,
  json,
  manifest,
  METADATA_LIST,
  METADATA_ONLY,
  removeScratch,
  startWithTenants,
} from "./client";

const PODS = "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1";
const web = { resource: "pods", namespace: "team-a", name: "web-0" };

let api: ApiServer;
beforeEach(async () => {
  api = await startWithTenants();
});
afterEach(async () => {
  await api.close();
  removeScratch();
});

interface Event {
  readonly type: string;
  readonly object: Record<string, unknown> & { metadata: Record<string, unknown> };
}

/** A watch by the kubelet; `lines` are its events so far, `ended` how it ended. */
function watch(query: string, accept = METADATA_ONLY) {
  const lines: string[] = [];
  let bytes = 0;
  const events = (): Event[] => lines.map((line) => JSON.parse(line) as Event);
  const { key, cert } = api.pki.kubelet();
  const ended = new Promise<string>((resolve) => {
    const options = { host: "127.0.0.1", port: api.port, path: `${PODS}&watch=true&${query}` };
    const tls = { ca: api.pki.ca.cert, key, cert, agent: false as const, headers: { accept } };
    const req = request({ ...options, ...tls }, (res) => {
      res.on("data", (chunk: Buffer) => (bytes += chunk.byteLength));
      createInterface({ input: res })
        .on("line", (line) => lines.push(line))
        .on("error", () => {});
      res.on("end", () => resolve("end")).on("error", () => resolve("cut"));
    });
    req.on("error", () => resolve("refused")).end();
  });
  const until = async (count: number): Promise<Event[]> => {
    while (lines.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
    return events();
  };
  return { lines, events, until, ended, bytes: () => bytes };
}
const annotate = (value: string): void =>
  void api.objects.update(web, (pod) => (pod.metadata.annotations = { v: value }));

test("a watch brings what changes after its version, and bookmarks when asked for", async () => {
  const from = api.objects.resourceVersion;
  annotate("1");
  const { until, events } = watch(`resourceVersion=${from}&allowWatchBookmarks=true`);
  await until(1);
  annotate("2");
  await until(2);
  api.objects.remove(web);
  await until(3);
  api.watches.bookmark();
  const all = await until(4);
  expect(all.map(({ type }) => type)).toEqual(["MODIFIED", "MODIFIED", "DELETED", "BOOKMARK"]);
  expect(Object.keys(all[0]?.object ?? {}).sort()).toEqual(["apiVersion", "kind", "metadata"]);
  expect(events()[1]?.object.metadata["annotations"]).toEqual({ v: "2" });
  const versions = all.map(({ object }) => Number(object.metadata["resourceVersion"]));
  expect([...versions].sort((a, b) => a - b)).toEqual(versions);
  expect(all[3]?.object).toEqual({
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata: { resourceVersion: api.objects.resourceVersion, creationTimestamp: null },
  });
});

test("without a version it begins with everything, whole objects for who asks for them", async () => {
  const { until } = watch("", "application/json");
  const all = await until(2);
  expect(new Set(all.map(({ type }) => type))).toEqual(new Set(["ADDED"]));
  expect(all[0]?.object).toMatchObject({ kind: "Pod", spec: { nodeName: "n1" } });
});

test("another node's pods are not among them", async () => {
  const { until } = watch(`resourceVersion=${api.objects.resourceVersion}`);
  while (api.watches.count === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const pod = "{apiVersion: v1, kind: Pod, metadata: {name: NAME}, spec: {nodeName: NODE}}";
  api.objects.apply(pod.replace("NAME", "far").replace("NODE", "n2"));
  api.objects.apply(pod.replace("NAME", "near").replace("NODE", "n1"));
  expect((await until(1))[0]?.object.metadata["name"]).toBe("near");
});

test("timeoutSeconds ends it, after a bookmark", async () => {
  const seen = watch(
    `resourceVersion=${api.objects.resourceVersion}&allowWatchBookmarks=1&timeoutSeconds=1`,
  );
  expect(await seen.ended).toBe("end");
  expect(seen.events().map(({ type }) => type)).toEqual(["BOOKMARK"]);
});

test("a forgotten version is an ERROR event, or a 410", async () => {
  const from = api.objects.resourceVersion;
  api.objects.expireHistory();
  const seen = watch(`resourceVersion=${from}`);
  expect(await seen.ended).toBe("end");
  expect(seen.events()[0]).toMatchObject({
    type: "ERROR",
    object: { kind: "Status", code: 410, reason: "Expired" },
  });
  api.watches.goneAs = "status";
  const reply = await get(api, `${PODS}&watch=true&resourceVersion=${from}`);
  expect(json(reply)).toMatchObject({ code: 410, reason: "Expired" });
});

test("a running watch can be told that its version is gone, or cut", async () => {
  const gone = watch("");
  const count = (await gone.until(2)).length;
  api.watches.gone();
  expect(await gone.ended).toBe("end");
  expect(gone.events()[count]).toMatchObject({ type: "ERROR", object: { code: 410 } });
  const cut = watch("");
  await cut.until(2);
  api.watches.cut();
  expect(await cut.ended).toBe("cut");
});

test("faults of watches: cut, half an event, silence; lists are not struck", async () => {
  api.faults.add({ kind: "cutStream", verb: "watch", count: 1, events: 1 });
  expect((await get(api, PODS)).status).toBe(200);
  const cut = watch("");
  expect(await cut.ended).toBe("cut");
  expect(cut.lines.length).toBeLessThanOrEqual(1);
  api.faults.add({ kind: "halfLine", verb: "watch", count: 1 });
  const half = watch("");
  expect(await half.ended).toBe("cut");
  expect([half.bytes() > 0, half.events()]).toEqual([true, []]);
  api.faults.add({ kind: "silence", verb: "watch", count: 1 });
  const silent = watch("timeoutSeconds=1");
  const pause = new Promise((resolve) => setTimeout(() => resolve("silent"), 1500));
  expect(await Promise.race([silent.ended, pause])).toBe("silent");
  expect(silent.lines).toEqual([]);
});

test("a list comes in pages of one moment; a page of a forgotten moment is 410", async () => {
  const headers = { accept: METADATA_LIST };
  const first = json(await get(api, `${PODS}&limit=1`, { headers }));
  const next = String(first.metadata["continue"]);
  annotate("later");
  const second = json(await get(api, `${PODS}&limit=100&continue=${next}`, { headers }));
  expect(second.metadata).toEqual({ resourceVersion: first.metadata["resourceVersion"] });
  const whole = json(await get(api, PODS, { headers }));
  const names = (list: typeof first): unknown[] =>
    (list["items"] as Event["object"][]).map(({ metadata }) => metadata["name"]);
  expect([...names(first), ...names(second)].sort()).toEqual(names(whole).sort());
  api.objects.expireHistory();
  const late = await get(api, `${PODS}&continue=${next}`, { headers });
  expect(json(late)).toMatchObject({ code: 410, reason: "Expired" });
});

test("a list from the future is 504 with its wish to be asked again", async () => {
  const reply = await get(
    api,
    `${PODS}&resourceVersion=99999999&resourceVersionMatch=NotOlderThan`,
  );
  expect(json(reply)).toMatchObject({ code: 504, reason: "Timeout" });
  expect(reply.headers["retry-after"]).toBe("1");
});

test("the kubelet may watch one pod of its own, namespaces only by rbac.yaml", async () => {
  const one = "/api/v1/namespaces/team-a/pods?fieldSelector=metadata.name%3Dweb-0";
  const other = "/api/v1/namespaces/team-a/pods?fieldSelector=metadata.name%3Dnobody";
  const pair = api.pki.kubelet();
  expect((await get(api, one, { pair })).status).toBe(200);
  const denied = await get(api, other, { pair });
  expect([denied.status, denied.text]).toEqual([403, expect.stringContaining("no relationship")]);
  const namespaces = "/api/v1/namespaces?watch=true&timeoutSeconds=1";
  expect((await get(api, namespaces, { pair })).status).toBe(403);
  api.objects.apply(manifest("rbac.yaml"));
  expect((await get(api, namespaces, { pair })).status).toBe(200);
});
