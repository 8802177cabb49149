import { execFile } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import type { ApiServer } from "../../apiserver/api-server";
import { KUBECONFIG_KINDS, type KubeconfigKind } from "../../apiserver/kubeconfig";
import { get, removeScratch, startWithTenants } from "./client";

/**
 * Reads a pod with each kubeconfig, as any program with the official client library would: its own
 * process, because the library is an ES module and takes the credentials from the files itself.
 */
const CLIENT = `
const { KubeConfig, CoreV1Api } = await import("@kubernetes/client-node");
const { writeSync } = await import("node:fs");
const outcomes = {};
for (const path of process.argv.slice(1)) {
  const kind = path.replace(/.*\\/(.*)\\.kubeconfig$/, "$1");
  try {
    const config = new KubeConfig();
    config.loadFromFile(path);
    const pod = await config.makeApiClient(CoreV1Api).readNamespacedPod({ name: "web-0", namespace: "team-a" });
    outcomes[kind] = pod.metadata.name;
  } catch (error) {
    let cause = error;
    while (cause.cause) cause = cause.cause;
    outcomes[kind] = error.code === undefined || typeof error.code === "string" ? String(cause.code ?? cause.message) : error.code;
  }
}
writeSync(1, JSON.stringify(outcomes));
process.exit(0);
`;

/** Exactly what each flavour is for. */
const EXPECTED: Readonly<Record<KubeconfigKind, unknown>> = {
  kubelet: "web-0",
  "ca-file": "web-0",
  relative: "web-0",
  inline: "web-0",
  token: "web-0",
  /** The library does not read tokenFile of a kubeconfig, so it comes without credentials; see the last test. */
  "token-file": 401,
  exec: "web-0",
  "exec-fails": expect.stringMatching(/no credentials today|exec/i),
  insecure: "web-0",
  "wrong-ca": expect.stringMatching(/SIGNATURE|VERIFY|CERT/),
  "wrong-name": "ERR_TLS_CERT_ALTNAME_INVALID",
  expired: 401,
  "foreign-client": 401,
  "other-node": 403,
  "bad-token": 401,
  anonymous: 401,
  "missing-cert": expect.stringMatching(/ENOENT/),
  admin: "web-0",
};

let api: ApiServer;
beforeAll(async () => {
  api = await startWithTenants();
});
afterAll(async () => {
  await api.close();
  removeScratch();
});

test("every flavour has the outcome that it stands for, with the official client library", async () => {
  const paths = KUBECONFIG_KINDS.map((kind) => api.kubeconfig(kind));
  const args = ["--input-type=module", "-e", CLIENT, ...paths];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: __dirname });
  expect(JSON.parse(stdout)).toEqual(EXPECTED);
});

type Config = {
  clusters: [{ cluster: Record<string, unknown> }];
  users: [{ user: Record<string, unknown> }];
};

function read(kind: KubeconfigKind): {
  path: string;
  cluster: Record<string, unknown>;
  user: Record<string, unknown>;
} {
  const path = api.kubeconfig(kind);
  const config = parse(readFileSync(path, "utf8")) as Config;
  return { path, cluster: config.clusters[0].cluster, user: config.users[0].user };
}

test("a kubeconfig is private and names the server", () => {
  const { path, cluster } = read("kubelet");
  expect(isAbsolute(path)).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(cluster["server"]).toBe(api.url);
});

test("kubelet is what kubeadm writes: CA inline, certificate behind the rotating symlink", () => {
  const { cluster, user } = read("kubelet");
  expect(Object.keys(cluster)).toEqual(["server", "certificate-authority-data"]);
  expect(user).toEqual({
    "client-certificate": api.pki.kubeletClientPath,
    "client-key": api.pki.kubeletClientPath,
  });
});

test("paths are relative only where that is the point", () => {
  const { cluster, user } = read("relative");
  expect([cluster["certificate-authority"], user["client-certificate"]]).toEqual([
    "pki/ca.crt",
    "pki/kubelet-client-current.pem",
  ]);
  expect(read("ca-file").cluster["certificate-authority"]).toBe(api.pki.caPath);
});

test("insecure has no CA, and no flavour has both", () => {
  expect(read("insecure").cluster).toEqual({ server: api.url, "insecure-skip-tls-verify": true });
});

test("the server in it can be another one", () => {
  const path = api.kubeconfig("token", "https://127.0.0.1:1");
  expect(readFileSync(path, "utf8")).toContain("server: https://127.0.0.1:1\n");
});

test("token-file and exec leave the token out of the kubeconfig", async () => {
  const token = String(read("token").user["token"]);
  for (const kind of ["token-file", "exec"] as const) {
    expect(readFileSync(api.kubeconfig(kind), "utf8")).not.toContain(token);
  }
  const file = String(read("token-file").user["tokenFile"]);
  expect(readFileSync(file, "utf8")).toBe(`${token}\n`);
  const command = String((read("exec").user["exec"] as Record<string, unknown>)["command"]);
  const { stdout } = await promisify(execFile)(command, []);
  const credential = JSON.parse(stdout) as { status: { token: string } };
  expect(credential.status.token).toBe(token);
  const headers = { authorization: `Bearer ${token}` };
  expect((await get(api, "/healthz", { anonymous: true, headers })).status).toBe(200);
});
