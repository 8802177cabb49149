import { createServer, type AddressInfo, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { KubeconfigKind } from "../../../apiserver/kubeconfig";
import type * as ClientNode from "./client-node";
import { failure, useApiServer, WEB } from "./harness";

jest.mock("@kubernetes/client-node/dist/config.js", () =>
  jest.requireActual<typeof ClientNode>("./client-node").loadClientNode(),
);
jest.mock("@kubernetes/client-node/dist/exec_auth.js", () =>
  jest.requireMock("@kubernetes/client-node/dist/config.js"),
);

const t = useApiServer();

describe("trust", () => {
  test.each<KubeconfigKind>(["wrong-ca", "wrong-name"])("%s is never accepted", async (kind) => {
    const error = await failure(t.source(kind).read(WEB));
    expect([error.code, error.message]).toEqual([
      105,
      expect.stringMatching(
        /^pod team-a\/web-0: the certificate of https:.* cannot be verified \(\w+\): check certificate-authority/,
      ),
    ]);
    expect(t.api.requests.list()).toHaveLength(0);
  });
  test.each(["expired", "other-name", "other-ca"] as const)(
    "a server with certificate %s is never accepted",
    async (cert) => {
      t.api.show(cert);
      try {
        expect((await failure(t.source().read(WEB))).code).toBe(105);
      } finally {
        t.api.show("valid");
      }
    },
  );
});

describe("servers of another kind", () => {
  async function failureAt(server: Server): Promise<{ code: number; message: string }> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      return await failure(
        t.sourceAt(t.edited("other", (text) => text.replace(t.api.url, url))).read(WEB),
      );
    } finally {
      server.close();
    }
  }
  test("one that speaks no TLS", async () => {
    const error = await failureAt(
      createServer((socket) =>
        socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      ),
    );
    expect([error.code, error.message]).toEqual([
      105,
      expect.stringMatching(/no secure connection to https:.* can be made/),
    ]);
  });
  test("one that speaks no HTTP", async () => {
    const { cert, key } = t.api.pki.serving("valid");
    const error = await failureAt(
      createTlsServer({ cert, key }, (socket) =>
        socket.on("error", () => undefined).end("220 mail.example ESMTP\r\n"),
      ),
    );
    expect([error.code, error.message]).toEqual([
      108,
      expect.stringMatching(/gave no valid HTTP answer \(HPE_\w+\)/),
    ]);
  });
});

describe("transient failures", () => {
  test.each([500, 502, 503, 504, 429])("%d twice, then an answer", async (code) => {
    t.api.faults.add({ kind: "status", code, path: "*/pods/*", count: 2 });
    expect((await t.source().read(WEB)).pod["tenant.routing/fwmark"]).toBe("0x10");
    expect(t.slept).toEqual([50, 100]);
  });
  test.each(["reset", "truncated"] as const)("%s once, then an answer", async (kind) => {
    t.api.faults.add({ kind, path: "*/pods/*", count: 1 });
    await t.source().read(WEB);
    expect(t.slept).toEqual([50]);
  });
  test("tlsReset once, then an answer", async () => {
    t.api.faults.add({ kind: "tlsReset", count: 1 });
    await t.source().read(WEB);
    expect(t.slept).toEqual([50]);
  });
  test("500 for good: code 11 naming pod and server, after six attempts", async () => {
    t.api.faults.add({ kind: "status", code: 500, path: "*/pods/*" });
    const error = await failure(t.source().read(WEB));
    expect(error.code).toBe(11);
    expect(error.message).toContain(`pod team-a/web-0: ${t.api.url} answered 500 for pods`);
    expect(error.details).toContain("attempts: 6");
    expect(t.slept).toEqual([50, 100, 200, 400, 800]);
  });
  test("no pause goes beyond the deadline", async () => {
    t.api.faults.add({ kind: "status", code: 500, path: "*/pods/*" });
    expect((await failure(t.source("kubelet", 400).read(WEB))).code).toBe(11);
    expect(t.slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(400);
  });
  test("Retry-After is honoured when it fits, and ends the matter when it does not", async () => {
    t.api.faults.add({ kind: "status", code: 429, retryAfter: 1, path: "*/pods/*", count: 1 });
    await t.source().read(WEB);
    expect(t.slept).toEqual([1000]);
    t.api.faults.add({ kind: "status", code: 429, retryAfter: 60, path: "*/pods/*" });
    expect((await failure(t.source().read(WEB))).code).toBe(11);
    expect(t.slept).toEqual([1000]);
  });
  test("a stopped server: code 11 naming pod and server", async () => {
    await t.api.stop();
    try {
      const error = await failure(t.source().read(WEB));
      expect(error.code).toBe(11);
      expect(error.message).toContain(
        `pod team-a/web-0: ${t.api.url} cannot be reached (ECONNREFUSED)`,
      );
    } finally {
      await t.api.start();
    }
  });
  test.each(["hang", "drip"] as const)("%s ends at the deadline", async (kind) => {
    t.api.faults.add({ kind, path: "*/pods/*" });
    const started = performance.now();
    const error = await failure(t.source("kubelet", 300).read(WEB));
    expect([error.code, error.message]).toEqual([
      11,
      expect.stringMatching(/did not answer in time/),
    ]);
    expect(performance.now() - started).toBeLessThan(30_000);
  });
  test("a TLS handshake that hangs ends at the deadline", async () => {
    t.api.faults.add({ kind: "tlsHang" });
    expect((await failure(t.source("kubelet", 300).read(WEB))).code).toBe(11);
  });
});
