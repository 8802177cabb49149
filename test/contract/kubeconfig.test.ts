/** How the API server is reached, and what is never believed. */
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useApi } from "../helpers/api";
import { CLUSTER } from "../helpers/api-objects";
import { conf, type Conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectNothingMade, expectOk, type Outcome } from "../helpers/outcome";
import type { ErrorKind } from "../../lib/cni/error";
import type { KubeconfigKind } from "../apiserver/kubeconfig";

const world = useWorld();
const api = useApi(world, CLUSTER);

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

test.each(["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"])(
  "%s in the environment is not used for the API",
  async (name) => {
    expectOk(
      await add(await api.kubeconfig(), { [name]: "http://127.0.0.1:1", NODE_USE_ENV_PROXY: "1" }),
    );
    expect(world.firewall.ours()).toHaveLength(2);
  },
);

test("a rotated client certificate works although the old file is gone", async () => {
  const kubeconfig = await api.kubeconfig();
  await api.rotateClient("?removeOld");
  expectOk(await add(kubeconfig));
});

test("an expired client certificate is code 104", async () => {
  const outcome = await add(await api.kubeconfig("expired"));
  expectError(outcome, "unauthorized", "expired.kubeconfig", /expired on 20\d\d-/);
  expectNothingMade(world, outcome);
});

test("a certificate that is replaced between the first refusal and the second look lets the pod start", async () => {
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
])("a kubeconfig of kind %s works", async (kind) => {
  expectOk(await add(await api.kubeconfig(kind)));
  expect(world.firewall.ours()).toHaveLength(2);
});

test.each<[KubeconfigKind, ErrorKind, RegExp]>([
  ["exec-fails", "kubeconfig", /exec-fails/],
  ["bad-token", "unauthorized", /bad-token\.kubeconfig/],
  ["other-node", "tryAgainLater", /team-a\/web-0/],
  ["wrong-ca", "untrusted", /wrong-ca\.kubeconfig/],
  ["wrong-name", "untrusted", /wrong-name\.kubeconfig/],
])("a kubeconfig of kind %s is the error %s", async (kind, error, pattern) => {
  const outcome = await add(await api.kubeconfig(kind));
  expectError(outcome, error, pattern);
  expectNothingMade(world, outcome);
});

test("a missing kubeconfig is named by its path, a relative path is code 7", async () => {
  const missing = await add("/etc/nowhere/kubelet.conf");
  expectError(missing, "kubeconfig", "/etc/nowhere/kubelet.conf");
  expectNothingMade(world, missing);
  expectError(await add("kubelet.conf"), "invalidConfig", "/kubeconfig");
  expectError(await add("/etc/../kubelet.conf"), "invalidConfig", "/kubeconfig");
});

test("a kubeconfig that others may write is refused", async () => {
  const path = join(world.dir, "open.kubeconfig");
  copyFileSync(await api.kubeconfig("inline"), path);
  chmodSync(path, 0o602);
  expectError(await add(path), "kubeconfig", "open.kubeconfig", "chmod");
});

test.each([
  ["no YAML", "{{{ token: abcdef-secret"],
  ["a token that YAML takes for an alias", "users: [{name: a, user: {token: *abcdef-secret}}]\n"],
])("a kubeconfig with %s is refused without its content in the message", async (_, text) => {
  const path = join(world.dir, "odd.kubeconfig");
  writeFileSync(path, text, { mode: 0o600 });
  const outcome = await add(path);
  expectError(outcome, "kubeconfig", "odd.kubeconfig");
  expect(outcome.stdout + outcome.stderr + world.log()).not.toContain("abcdef-secret");
  expectNothingMade(world, outcome);
});

test.each(["expired", "other-name", "other-ca"] as const)(
  "a server certificate that is %s is refused, never unverified",
  async (cert) => {
    await api.show(cert);
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
    const outcome = await add(await api.kubeconfig(), env);
    expectError(outcome, "untrusted", "team-a/web-0", api.url);
    expect(await api.requests()).toEqual([]);
    expectNothingMade(world, outcome);
  },
);

test.each([
  ["NODE_EXTRA_CA_CERTS", (ca: string) => ({ NODE_EXTRA_CA_CERTS: ca })],
  ["NODE_USE_SYSTEM_CA", (ca: string) => ({ NODE_USE_SYSTEM_CA: "1", SSL_CERT_FILE: ca })],
])("a CA that only %s names is not trusted where the kubeconfig names none", async (_, env) => {
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
  expectNothingMade(world, outcome);
});
