import { gunzipSync } from "node:zlib";
import type { ApiServer } from "../../apiserver/api-server";
import { get, json, METADATA_LIST, METADATA_ONLY, removeScratch, startWithTenants } from "./client";

const WEB = "/api/v1/namespaces/team-a/pods/web-0";
const BIG = "/api/v1/namespaces/default/pods/big";
const big = (size: number): string =>
  `{apiVersion: v1, kind: Pod, metadata: {name: big, annotations: {filler: "${"x".repeat(size)}"}}}`;

let api: ApiServer;
beforeAll(async () => {
  api = await startWithTenants();
});
afterAll(async () => {
  await api.close();
  removeScratch();
});

test("plain JSON is the whole object", async () => {
  const reply = await get(api, WEB, { headers: { accept: "application/json" } });
  expect(reply.headers["content-type"]).toBe("application/json");
  expect(json(reply)).toMatchObject({
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name: "web-0" },
    spec: { nodeName: "n1" },
    status: { phase: "Pending" },
  });
});

test("metadata only is PartialObjectMetadata with nothing but metadata", async () => {
  const reply = await get(api, WEB, { headers: { accept: METADATA_ONLY } });
  expect(reply.headers["content-type"]).toBe("application/json");
  const body = json(reply);
  expect(Object.keys(body).sort()).toEqual(["apiVersion", "kind", "metadata"]);
  expect(body).toMatchObject({ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1" });
  expect(body.metadata).toMatchObject({
    name: "web-0",
    annotations: { "tenant.routing/fwmark": "tenant-a" },
  });
  expect(body.metadata["uid"]).toBe(
    api.objects.get({ resource: "pods", namespace: "team-a", name: "web-0" })?.metadata.uid,
  );
});

test("a list can be metadata only, too, and may be empty", async () => {
  const options = { pair: api.pki.admin(), headers: { accept: METADATA_LIST } };
  expect(json(await get(api, "/api/v1/namespaces/team-b/pods", options))).toMatchObject({
    kind: "PartialObjectMetadataList",
    items: [{ kind: "PartialObjectMetadata", metadata: { name: "api-0" } }],
  });
  const empty = await get(api, "/api/v1/namespaces/kube-public/pods", { pair: api.pki.admin() });
  expect(json(empty)).toMatchObject({ kind: "PodList", items: [] });
});

test("the metadata of a list and of an object have names of their own", async () => {
  const pair = api.pki.admin();
  const list = await get(api, "/api/v1/pods", { pair, headers: { accept: METADATA_ONLY } });
  expect(json(list)).toMatchObject({ code: 406, message: expect.stringContaining("is a list") });
  const one = await get(api, WEB, { headers: { accept: METADATA_LIST } });
  expect(json(one)).toMatchObject({ code: 406, message: expect.stringContaining("is not a list") });
});

test("what cannot be produced is 406, what cannot be done is 405", async () => {
  const yaml = await get(api, WEB, { headers: { accept: "application/yaml" } });
  expect(json(yaml)).toMatchObject({
    code: 406,
    reason: "NotAcceptable",
    message:
      "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  });
  const put = await get(api, WEB, { method: "PUT", pair: api.pki.admin() });
  expect(json(put)).toMatchObject({ code: 405, reason: "MethodNotAllowed" });
  const head = await get(api, WEB, { method: "HEAD" });
  expect([head.status, head.text]).toEqual([200, ""]);
});

test("small answers have a length, others are chunked", async () => {
  const small = await get(api, WEB, { headers: { accept: METADATA_ONLY } });
  expect(Number(small.headers["content-length"])).toBe(small.bytes.length);
  api.objects.apply(big(10_000));
  const chunked = await get(api, BIG);
  expect(chunked.headers["transfer-encoding"]).toBe("chunked");
  expect(chunked.headers["content-length"]).toBeUndefined();
  expect(json(chunked).metadata).toHaveProperty(["annotations", "filler"], "x".repeat(10_000));
});

test("big answers are compressed for those who take it, from 128 KiB on", async () => {
  const gzip = { headers: { "accept-encoding": "gzip, deflate" } };
  api.objects.apply(big(100_000));
  expect((await get(api, BIG, gzip)).headers["content-encoding"]).toBeUndefined();
  api.objects.apply(big(200_000));
  const packed = await get(api, BIG, gzip);
  expect(packed.headers["content-encoding"]).toBe("gzip");
  expect(JSON.parse(gunzipSync(packed.bytes).toString())).toMatchObject({
    metadata: { name: "big" },
  });
  for (const coding of ["identity", "gzip;q=0", "br"]) {
    const plain = await get(api, BIG, { headers: { "accept-encoding": coding } });
    expect(plain.headers["content-encoding"]).toBeUndefined();
  }
});

test("the threshold can be lowered to have every answer compressed", async () => {
  const eager = await startWithTenants({ gzipMinBytes: 1 });
  try {
    const reply = await get(eager, WEB, { headers: { "accept-encoding": "gzip" } });
    expect(JSON.parse(gunzipSync(reply.bytes).toString())).toMatchObject({ kind: "Pod" });
  } finally {
    await eager.close();
  }
});
