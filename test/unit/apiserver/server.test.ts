import { X509Certificate } from "node:crypto";
import { existsSync, lstatSync, readFileSync, realpathSync } from "node:fs";
import type { ApiServer } from "../../apiserver/api-server";
import { startApiServer } from "../../apiserver/api-server";
import { get, removeScratch, scratch, startWithTenants } from "./client";

const HEALTH = "/healthz";
let api: ApiServer;
beforeEach(async () => {
  api = await startWithTenants();
});
afterEach(async () => {
  await api.close();
  removeScratch();
});

describe("the server's certificate", () => {
  test("is good at first, and can be made bad and good again", async () => {
    expect((await get(api, HEALTH)).status).toBe(200);
    api.show("expired");
    await expect(get(api, HEALTH)).rejects.toMatchObject({ code: "CERT_HAS_EXPIRED" });
    api.show("other-name");
    await expect(get(api, HEALTH)).rejects.toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
    api.show("other-ca");
    await expect(get(api, HEALTH)).rejects.toMatchObject({
      code: expect.stringMatching(/SIGNATURE|VERIFY/) as unknown,
    });
    expect((await get(api, HEALTH, { ca: api.pki.otherCa.cert })).status).toBe(200);
    api.show("valid");
    expect((await get(api, HEALTH)).status).toBe(200);
    expect(api.requests.count()).toBe(3);
  });

  test("carries the names and addresses asked for", async () => {
    const named = await startApiServer({
      dir: scratch(),
      advertise: "10.1.2.3",
      names: ["api.example", "fd00::1"],
    });
    try {
      expect(named.url).toBe(`https://10.1.2.3:${named.port}`);
      const { subjectAltName } = new X509Certificate(named.pki.serving("valid").cert);
      for (const part of [
        "DNS:api.example",
        "IP Address:10.1.2.3",
        "IP Address:FD00:0:0:0:0:0:0:1",
        "IP Address:127.0.0.1",
      ]) {
        expect(subjectAltName).toContain(part);
      }
    } finally {
      await named.close();
    }
  });

  test("an IPv6 address is in brackets in the URL", async () => {
    const six = await startApiServer({ dir: scratch(), host: "::1" });
    await six.close();
    expect(six.url).toBe(`https://[::1]:${six.port}`);
  });
});

test("stopped, it refuses connections; started, it is back on the same port", async () => {
  const { port } = api;
  await api.stop();
  await api.stop();
  await expect(get(api, HEALTH)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await api.start();
  await api.start();
  expect(api.port).toBe(port);
  expect((await get(api, HEALTH)).status).toBe(200);
});

test("stop does not wait for requests that never end", async () => {
  api.faults.add({ kind: "hang" });
  const pending = get(api, HEALTH).catch((error: NodeJS.ErrnoException) => error.code);
  while (api.requests.count() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await api.stop();
  await expect(pending).resolves.toBe("ECONNRESET");
});

test("a server on the same directory keeps the CA, so that clients notice nothing", async () => {
  const again = await startApiServer({ dir: api.dir });
  try {
    expect(
      (await get(again, HEALTH, { ca: api.pki.ca.cert, pair: api.pki.kubelet() })).status,
    ).toBe(200);
  } finally {
    await again.close();
  }
});

test("an address that is not here and an object that is refused are errors of the start", async () => {
  await expect(startApiServer({ dir: scratch(), host: "192.0.2.1" })).rejects.toMatchObject({
    code: "EADDRNOTAVAIL",
  });
  await expect(startApiServer({ dir: scratch(), objects: ["hello"] })).rejects.toThrow(
    "not an object",
  );
});

describe("the kubelet's certificate", () => {
  const subject = (): X509Certificate =>
    new X509Certificate(readFileSync(api.pki.kubeletClientPath));

  test("is a symlink to one file with certificate and key", () => {
    expect(lstatSync(api.pki.kubeletClientPath).isSymbolicLink()).toBe(true);
    expect(readFileSync(api.pki.kubeletClientPath, "utf8")).toMatch(
      /BEGIN CERTIFICATE[^]*BEGIN PRIVATE KEY/,
    );
    expect(lstatSync(realpathSync(api.pki.kubeletClientPath)).mode & 0o777).toBe(0o600);
    expect(subject().subject).toBe("O=system:nodes\nCN=system:node:n1");
  });

  test("rotates to a new file in one step", () => {
    const [before, serial] = [realpathSync(api.pki.kubeletClientPath), subject().serialNumber];
    const file = api.pki.rotateKubeletClient();
    expect(realpathSync(api.pki.kubeletClientPath)).toBe(realpathSync(file));
    expect(subject().serialNumber).not.toBe(serial);
    expect(existsSync(before)).toBe(true);
    api.pki.rotateKubeletClient({ removeOld: true });
    expect(existsSync(file)).toBe(false);
  });

  test("can be one that ran out", () => {
    api.pki.rotateKubeletClient({ expired: true });
    expect(new Date(subject().validTo).getUTCFullYear()).toBe(2020);
  });
});
