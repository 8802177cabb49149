import { createGunzip } from "node:zlib";
import { request } from "node:https";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiServer } from "../../apiserver/api-server";
import { matchesGlob, type Fault } from "../../apiserver/faults";
import {
  get,
  json,
  METADATA_ONLY,
  removeScratch,
  startWithTenants,
  type GetOptions,
} from "./client";

const WEB = "/api/v1/namespaces/team-a/pods/web-0";
const accept: GetOptions = { headers: { accept: METADATA_ONLY } };

let api: ApiServer;
beforeAll(async () => {
  api = await startWithTenants();
});
beforeEach(() => {
  api.faults.clear();
  api.requests.clear();
});
afterAll(async () => {
  await api.close();
  removeScratch();
});

const web = (options: GetOptions = {}) => get(api, WEB, { ...accept, ...options });

describe("which requests are struck", () => {
  test("the next two only, then all is well", async () => {
    api.faults.add({ kind: "status", code: 500, count: 2 });
    expect([(await web()).status, (await web()).status, (await web()).status]).toEqual([
      500, 500, 200,
    ]);
    expect(api.requests.list().map((record) => record.faults)).toEqual([
      ["status"],
      ["status"],
      [],
    ]);
  });

  test("one path, one method", async () => {
    api.faults.add({ kind: "status", code: 503, path: "/api/v1/namespaces/*/pods/*" });
    api.faults.add({ kind: "status", code: 500, method: "HEAD" });
    expect((await web()).status).toBe(503);
    expect((await get(api, "/healthz")).status).toBe(200);
    expect((await get(api, "/healthz", { method: "HEAD" })).status).toBe(500);
  });

  test("in the order in which they were added, until removed", async () => {
    api.faults.add({ kind: "status", code: 429, count: 1 });
    const id = api.faults.add({ kind: "status", code: 503 });
    expect([(await web()).status, (await web()).status, (await web()).status]).toEqual([
      429, 503, 503,
    ]);
    expect(api.faults.list()).toEqual([
      { id, fault: { kind: "status", code: 503 }, left: "unlimited" },
    ]);
    api.faults.remove(id);
    expect((await web()).status).toBe(200);
  });

  test("patterns match whole paths and take no characters as special but the star", () => {
    expect(matchesGlob("/a/*", "/a/b/c")).toBe(true);
    expect(matchesGlob("/a", "/a/b")).toBe(false);
    expect(matchesGlob("/a.c", "/abc")).toBe(false);
  });

  test("an unknown kind is an error, not a fault that never strikes", () => {
    expect(() => api.faults.add({ kind: "explode" } as unknown as Fault)).toThrow(
      'unknown fault kind "explode"',
    );
  });
});

describe("answers", () => {
  test.each([401, 403, 404, 429, 500, 503])("status %i is a Status object", async (code) => {
    api.faults.add({ kind: "status", code });
    const reply = await web();
    expect(reply.status).toBe(code);
    expect(json(reply)).toMatchObject({
      kind: "Status",
      status: "Failure",
      code,
      message: expect.stringMatching(/./) as unknown,
    });
  });

  test("Retry-After comes as header and in the details", async () => {
    api.faults.add({ kind: "status", code: 429, retryAfter: 1, message: "slow down" });
    const reply = await web();
    expect(reply.headers["retry-after"]).toBe("1");
    expect(json(reply)).toMatchObject({ message: "slow down", details: { retryAfterSeconds: 1 } });
  });

  test("latency delays the good answer, and adds up with another fault", async () => {
    api.faults.add({ kind: "latency", ms: 150 });
    const start = Date.now();
    expect((await web()).status).toBe(200);
    expect(Date.now() - start).toBeGreaterThanOrEqual(149);
    api.faults.add({ kind: "status", code: 500 });
    expect((await web()).status).toBe(500);
    expect(Date.now() - start).toBeGreaterThanOrEqual(298);
  });

  test("hang never answers", async () => {
    api.faults.add({ kind: "hang" });
    await expect(web({ timeoutMs: 200 })).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(api.requests.count()).toBe(1);
  });

  test("reset is a TCP reset", async () => {
    api.faults.add({ kind: "reset", count: 1 });
    await expect(web()).rejects.toMatchObject({ code: "ECONNRESET", syscall: "read" });
    expect((await web()).status).toBe(200);
  });

  test("drip comes slowly but whole", async () => {
    api.faults.add({ kind: "drip", ms: 10, bytes: 50 });
    const start = Date.now();
    const reply = await web();
    expect(json(reply)).toMatchObject({ metadata: { name: "web-0" } });
    expect(Date.now() - start).toBeGreaterThanOrEqual(Math.floor(reply.bytes.length / 50) * 9);
  });

  test("drip is a byte every 50 ms unless told, so that only a deadline for the whole answer helps", async () => {
    api.faults.add({ kind: "drip" });
    await hangUpAfter(3);
    await until(() => api.requests.list()[0]?.status === 200);
    expect(api.requests.list()[0]).toMatchObject({ status: 200, complete: false });
  });

  test("huge streams the bytes asked for, as valid JSON", async () => {
    api.faults.add({ kind: "huge", bytes: 3_000_000 });
    const reply = await web();
    expect(reply.bytes.length).toBe(3_000_000);
    expect(json(reply)).toMatchObject({ kind: "PartialObjectMetadata" });
  });

  test("huge is 100 MB unless told, and stops when the client hangs up", async () => {
    api.faults.add({ kind: "huge" });
    await expect(hangUpAfter(1_000_000)).resolves.toBeGreaterThanOrEqual(1_000_000);
    const [record] = api.requests.list();
    await until(() => record?.status !== undefined);
    expect(record).toMatchObject({ status: 200, complete: false });
    expect(record?.bytesSent).toBeLessThan(50_000_000);
  });

  test("huge can be a gzip bomb", async () => {
    api.faults.add({ kind: "huge", gzip: true, bytes: 20_000_000 });
    const reply = await web();
    expect(reply.headers["content-encoding"]).toBe("gzip");
    expect(reply.bytes.length).toBeLessThan(200_000);
    expect((await buffer(Readable.from([reply.bytes]).pipe(createGunzip()))).length).toBe(
      20_000_000,
    );
  });

  test("nonJson is an HTML page with status 200", async () => {
    api.faults.add({ kind: "nonJson" });
    const reply = await web();
    expect([reply.status, reply.headers["content-type"]]).toEqual([200, "text/html"]);
    expect(reply.text).toContain("<html>");
  });

  test("body is any body, bytes included", async () => {
    api.faults.add({ kind: "body", text: "null", count: 1 });
    api.faults.add({ kind: "body", base64: "Iv8i", status: 206, contentType: "text/plain" });
    const reply = await web();
    expect([reply.status, reply.text, reply.headers["content-type"]]).toEqual([
      200,
      "null",
      "application/json",
    ]);
    const bytes = await web();
    expect([bytes.status, [...bytes.bytes]]).toEqual([206, [0x22, 0xff, 0x22]]);
  });

  test("redirect goes to a path of this server or to anywhere", async () => {
    api.faults.add({ kind: "redirect", count: 1 });
    api.faults.add({ kind: "redirect", location: "https://127.0.0.1:1/x", code: 307 });
    const [first, second] = [await web(), await web()];
    expect([first.status, first.headers["location"]]).toEqual([302, "/elsewhere"]);
    expect([second.status, second.headers["location"]]).toEqual([307, "https://127.0.0.1:1/x"]);
  });

  test("empty is 200 without a body", async () => {
    api.faults.add({ kind: "empty" });
    expect(await web()).toMatchObject({ status: 200, text: "" });
  });

  test("wrongUid is the same pod but for its uid", async () => {
    const good = json(await web());
    api.faults.add({ kind: "wrongUid", count: 1 });
    api.faults.add({ kind: "wrongUid", uid: "abc" });
    expect(json(await web())).toEqual({
      ...good,
      metadata: { ...good.metadata, uid: "00000000-0000-4000-8000-000000000000" },
    });
    expect(json(await web()).metadata["uid"]).toBe("abc");
  });

  test("truncated breaks off in the middle", async () => {
    api.faults.add({ kind: "truncated" });
    await expect(web()).rejects.toMatchObject({ message: "aborted", code: "ECONNRESET" });
    await until(() => api.requests.list()[0]?.status !== undefined);
    expect(api.requests.list()[0]).toMatchObject({ status: 200, complete: false });
  });

  test("faults strike before authentication, as a proxy in front would", async () => {
    api.faults.add({ kind: "status", code: 503 });
    expect((await web({ anonymous: true })).status).toBe(503);
    expect(api.requests.list()[0]?.user).toBeUndefined();
  });
});

describe("connections", () => {
  test("tlsHang accepts and says nothing", async () => {
    api.faults.add({ kind: "tlsHang", count: 1 });
    await expect(web({ timeoutMs: 200 })).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(api.requests.count()).toBe(0);
    expect((await web()).status).toBe(200);
  });

  test("tlsReset accepts and resets", async () => {
    api.faults.add({ kind: "tlsReset", count: 1 });
    await expect(web()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect((await web()).status).toBe(200);
  });
});

/** Waits for what the server notices a moment after the client; the test's time limit bounds it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

/** Reads about `limit` bytes of the answer, then closes the connection. Resolves with what was read. */
async function hangUpAfter(limit: number): Promise<number> {
  const authorization = `Bearer ${[...api.tokens.keys()][0] ?? ""}`;
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: "127.0.0.1",
        port: api.port,
        path: WEB,
        headers: { authorization },
        ca: api.pki.ca.cert,
        agent: false,
      },
      (res) => {
        let seen = 0;
        res.on("error", () => undefined);
        res.on("data", (chunk: Buffer) => {
          seen += chunk.length;
          if (seen < limit) return;
          res.destroy();
          resolve(seen);
        });
      },
    );
    req.on("error", reject).end();
  });
}
