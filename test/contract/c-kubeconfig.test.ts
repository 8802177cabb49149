/** Catalogue C13-C16, C19: how the API server is reached, and what is never believed. */
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useApi } from "../helpers/api";
import { KEY, conf, type Conf } from "../helpers/conf";
import { POD_UID, useWorld } from "../helpers/harness";
import { expectError, expectOk, type Outcome } from "../helpers/outcome";
import type { ErrorKind } from "../../lib/cni/error";
import type { Fault } from "../apiserver/faults";
import type { KubeconfigKind } from "../apiserver/kubeconfig";

const RBAC = readFileSync(join(__dirname, "../../manifests/rbac.yaml"), "utf8");
const OBJECTS = `${RBAC}---
apiVersion: v1
kind: Namespace
metadata: { name: team-a }
---
apiVersion: v1
kind: Pod
metadata: { name: web-0, namespace: team-a, uid: ${POD_UID}, annotations: { ${KEY}: 0x10/0xff } }
spec: {}
`;

const world = useWorld();
const api = useApi(world, OBJECTS);

async function add(
  kubeconfig: string,
  env: Record<string, string> = {},
  ...changes: Conf[]
): Promise<Outcome> {
  return world.run("ADD", {
    conf: conf({ kubeconfig, runtimeConfig: undefined, apiTimeout: "3s" }, ...changes),
    env,
    measure: true,
  });
}

function expectNothingMade(outcome: Outcome): void {
  expect(outcome.calls).toEqual([]);
  expect(world.leftovers()).toEqual([]);
}

test.each(["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"])(
  "C13 %s in the environment is not used for the API",
  async (name) => {
    expectOk(
      await add(await api.kubeconfig(), { [name]: "http://127.0.0.1:1", NODE_USE_ENV_PROXY: "1" }),
    );
    expect(world.firewall.ours()).toHaveLength(2);
  },
);

test("C14 the client certificate has been rotated, the old file is gone", async () => {
  const kubeconfig = await api.kubeconfig();
  await api.rotateClient("?removeOld");
  expectOk(await add(kubeconfig));
});

test("C14 an expired client certificate: code 104", async () => {
  const outcome = await add(await api.kubeconfig("expired"));
  expectError(outcome, "unauthorized", "expired.kubeconfig", /expired on 20\d\d-/);
  expectNothingMade(outcome);
});

test("C14 the certificate is replaced between the first refusal and the second look: the pod starts", async () => {
  const kubeconfig = await api.kubeconfig();
  await api.fault({ kind: "status", code: 401, count: 1 });
  expectOk(await add(kubeconfig));
});

test.each<KubeconfigKind>([
  "kubelet",
  "ca-file",
  "relative",
  "inline",
  "token",
  "token-file",
  "exec",
  "admin",
])("C15 a kubeconfig of kind %s works", async (kind) => {
  expectOk(await add(await api.kubeconfig(kind)));
  expect(world.firewall.ours()).toHaveLength(2);
});

test.each<[KubeconfigKind, ErrorKind, RegExp]>([
  ["insecure", "kubeconfig", /insecure-skip-tls-verify/],
  ["exec-fails", "kubeconfig", /exec-fails/],
  ["missing-cert", "kubeconfig", /absent\.pem/],
  ["bad-token", "unauthorized", /bad-token\.kubeconfig/],
  ["foreign-client", "unauthorized", /foreign-client\.kubeconfig/],
  ["other-node", "tryAgainLater", /team-a\/web-0/],
  ["wrong-ca", "untrusted", /wrong-ca\.kubeconfig/],
  ["wrong-name", "untrusted", /wrong-name\.kubeconfig/],
])("C15 C19 a kubeconfig of kind %s: error %s", async (kind, error, pattern) => {
  const outcome = await add(await api.kubeconfig(kind));
  expectError(outcome, error, pattern);
  expectNothingMade(outcome);
});

test("C15 a kubeconfig that is not there: the path is named; relative: code 7", async () => {
  const missing = await add("/etc/nowhere/kubelet.conf");
  expectError(missing, "kubeconfig", "/etc/nowhere/kubelet.conf");
  expectNothingMade(missing);
  expectError(await add("kubelet.conf"), "invalidConfig", "/kubeconfig");
  expectError(await add("/etc/../kubelet.conf"), "invalidConfig", "/kubeconfig");
});

test.each([0o666, 0o620, 0o602])(
  "C15 a kubeconfig that others may write (mode %i): refused",
  async (mode) => {
    const path = join(world.dir, "open.kubeconfig");
    copyFileSync(await api.kubeconfig("inline"), path);
    chmodSync(path, mode);
    expectError(await add(path), "kubeconfig", "open.kubeconfig", "chmod");
  },
);

test.each([
  ["no YAML", "{{{ token: abcdef-secret"],
  ["a token that YAML takes for an alias", "users: [{name: a, user: {token: *abcdef-secret}}]\n"],
  ["nothing", ""],
  ["another document", "apiVersion: v1\nkind: Pod\n"],
  [
    "plain http",
    "apiVersion: v1\nkind: Config\nclusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: a, user: {token: abcdef-secret}}]\ncontexts: [{name: a, context: {cluster: a, user: a}}]\ncurrent-context: a\n",
  ],
])("C15 a kubeconfig with %s: refused, its content is not told", async (_, text) => {
  const path = join(world.dir, "odd.kubeconfig");
  writeFileSync(path, text, { mode: 0o600 });
  const outcome = await add(path);
  expectError(outcome, "kubeconfig", "odd.kubeconfig");
  expect(outcome.stdout + outcome.stderr + world.log()).not.toContain("abcdef-secret");
  expectNothingMade(outcome);
});

const ODD: readonly (readonly [string, Fault])[] = [
  ["a redirect", { kind: "redirect" }],
  [
    "a redirect to another server",
    { kind: "redirect", location: "https://127.0.0.1:1/x", code: 307 },
  ],
  ["100 MB", { kind: "huge" }],
  ["100 MB, compressed", { kind: "huge", gzip: true }],
  ["101 Switching Protocols", { kind: "switchProtocols" }],
  ["an HTML page", { kind: "nonJson" }],
  ["nothing", { kind: "empty" }],
  ["half an object", { kind: "truncated" }],
  ["null", { kind: "body", text: "null" }],
  ["a list", { kind: "body", text: "[]" }],
  ["an object without metadata", { kind: "body", text: "{}" }],
  [
    "a Status with code 200",
    { kind: "body", text: `{"kind":"Status","apiVersion":"v1","status":"Success"}` },
  ],
  [
    "annotations that are no strings",
    {
      kind: "body",
      text: `{"kind":"PartialObjectMetadata","metadata":{"name":"web-0","namespace":"team-a","uid":"${POD_UID}","annotations":{"${KEY}":16}}}`,
    },
  ],
  [
    "another pod",
    {
      kind: "body",
      text: `{"kind":"PartialObjectMetadata","metadata":{"name":"web-1","namespace":"team-a","uid":"${POD_UID}","annotations":{"${KEY}":"0x20"}}}`,
    },
  ],
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
  ["418", { kind: "status", code: 418 }],
  ["400", { kind: "status", code: 400 }],
];

test.each(ODD)("C16 the API server answers %s: a bounded error, nothing made", async (_, fault) => {
  await api.fault(fault);
  const outcome = await add(await api.kubeconfig());
  expectError(outcome, ["apiAnswer", "tryAgainLater"], "team-a/web-0");
  expect(outcome.ms).toBeLessThan(6000);
  expect(outcome.maxRssMiB).toBeLessThan(120);
  expect(outcome.stdout.length).toBeLessThan(4096);
  expectNothingMade(outcome);
});

test.each(["expired", "other-name", "other-ca"] as const)(
  "C19 the server shows a certificate that is %s: refused, never unverified",
  async (cert) => {
    await api.show(cert);
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
    const outcome = await add(await api.kubeconfig(), env);
    expectError(outcome, "untrusted", "team-a/web-0", api.url);
    expect(await api.requests()).toEqual([]);
    expectNothingMade(outcome);
  },
);

test.each([
  ["NODE_EXTRA_CA_CERTS", (ca: string) => ({ NODE_EXTRA_CA_CERTS: ca })],
  ["NODE_USE_SYSTEM_CA", (ca: string) => ({ NODE_USE_SYSTEM_CA: "1", SSL_CERT_FILE: ca })],
])(
  "C19 a CA that only %s names is not trusted, where the kubeconfig names none",
  async (_, env) => {
    const path = join(world.dir, "no-ca.kubeconfig");
    writeFileSync(
      path,
      readFileSync(await api.kubeconfig("inline"), "utf8").replace(
        /certificate-authority-data: .*/,
        "",
      ),
      { mode: 0o600 },
    );
    const outcome = await add(path, env(join(api.dir, "pki/ca.crt")));
    expectError(outcome, "untrusted", "team-a/web-0", api.url);
    expect(await api.requests()).toEqual([]);
    expectNothingMade(outcome);
  },
);

test("C19 onError allow does not hide which certificate was wrong", async () => {
  await api.show("other-ca");
  const outcome = expectOk(await add(await api.kubeconfig(), {}, { onError: "allow" }));
  expect(outcome.stderr).toContain("certificate");
  expect(world.firewall.ours()).toEqual([]);
  rmSync(world.logFile, { force: true });
});
