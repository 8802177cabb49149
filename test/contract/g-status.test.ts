/** Catalogue G10, G11: STATUS looks at the node only, quickly, and writes nothing. */
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { ErrorKind } from "../../lib/cni/error";
import type { KubeconfigKind } from "../apiserver/kubeconfig";
import { useApi } from "../helpers/api";
import { conf, scripted, type Conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs, type Outcome } from "../helpers/outcome";
import { sh } from "../helpers/shell";

const world = useWorld();
const api = useApi(world, "");
const newest = (...changes: Conf[]): Conf =>
  conf({ cniVersion: "1.1.0", runtimeConfig: undefined }, ...changes);
const BARE = { CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "", CNI_ARGS: "" };
const status = (given: Conf, options: { wrap?: string } = {}): Promise<Outcome> =>
  world.run("STATUS", { conf: given, env: BARE, ...options });

test("G10 OK although the API server cannot be reached", async () => {
  await api.stop();
  const outcome = expectOk(await status(newest({ kubeconfig: await api.kubeconfig() })));
  expect(outcome.stdout).toBe("");
  expect(verbs(outcome)).toEqual(["STATUS"]);
  expect(outcome.calls[0]?.netconf).not.toHaveProperty("prevResult");
  expect(outcome.calls[0]?.netconf).not.toHaveProperty("runtimeConfig");
});

test.each<KubeconfigKind>([
  "ca-file",
  "relative",
  "inline",
  "token",
  "token-file",
  "exec",
  "exec-fails",
  "admin",
])("G10 OK with a kubeconfig of kind %s, without a request", async (kind) => {
  expectOk(await status(newest({ kubeconfig: await api.kubeconfig(kind) })));
  expect(await api.requests()).toEqual([]);
});

/** Makes a kubeconfig at `path` that no ADD accepts, from a good one. */
const REFUSED: readonly (readonly [string, (path: string, good: string) => void, RegExp])[] = [
  ["a FIFO", (path) => sh("mkfifo", path), /not a regular file/],
  ["a directory", (path) => mkdirSync(path), /not a regular file/],
  ["a device", (path) => symlinkSync("/dev/zero", path), /not a regular file/],
  [
    "another user's",
    (path, good) => (copyFileSync(good, path), chownSync(path, 65534, 65534)),
    /belongs to user 65534: chown root/,
  ],
  [
    "writable for everybody",
    (path, good) => (copyFileSync(good, path), chmodSync(path, 0o666)),
    /mode 666.*chmod go-w/,
  ],
  [
    "too large",
    (path, good) =>
      writeFileSync(path, `${readFileSync(good, "utf8")}#${"x".repeat(1024 * 1024)}`, {
        mode: 0o600,
      }),
    /larger than/,
  ],
  ["no YAML", (path) => writeFileSync(path, "{{{", { mode: 0o600 }), /not valid YAML/],
  [
    "without a user",
    (path, good) =>
      writeFileSync(path, readFileSync(good, "utf8").replace(/user: client$/m, "user: nobody"), {
        mode: 0o600,
      }),
    /no cluster and user/,
  ],
  [
    "with a plugin that is not installed",
    (path, good) => writeFileSync(path, withPlugin(good), { mode: 0o600 }),
    /"no-such-plugin".*cannot be started \(ENOENT\)/,
  ],
];
const withPlugin = (good: string): string =>
  readFileSync(good, "utf8")
    .replace(
      /client-certificate: .*/,
      "exec: { apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin }",
    )
    .replace(/client-key: .*/, "");

test.each(REFUSED)(
  "G10 a kubeconfig that is %s: code 50 with the words of ADD",
  async (_, make, words) => {
    const kubeconfig = join(world.dir, "odd.kubeconfig");
    make(kubeconfig, await api.kubeconfig());
    expectError(await status(newest({ kubeconfig })), "notAvailable", words, "odd.kubeconfig");
    expectError(
      await world.run("ADD", { conf: newest({ kubeconfig }) }),
      "kubeconfig",
      words,
      "odd.kubeconfig",
    );
  },
);

test.each<[KubeconfigKind, ErrorKind, RegExp]>([
  ["insecure", "kubeconfig", /insecure-skip-tls-verify/],
  ["missing-cert", "kubeconfig", /absent\.pem cannot be read \(ENOENT\)/],
  [
    "expired",
    "unauthorized",
    /the client certificate in it expired on 20\d\d-\d\d-\d\dT\S+Z: renew it/,
  ],
])("G10 a kubeconfig of kind %s: code 50 with the words of ADD", async (kind, code, words) => {
  const kubeconfig = await api.kubeconfig(kind);
  expectError(await status(newest({ kubeconfig })), "notAvailable", words);
  expectError(await world.run("ADD", { conf: newest({ kubeconfig }) }), code, words);
});

test("G10 the delegate is missing: code 50 naming it", async () => {
  expectError(
    await status(newest({ delegate: { type: "no-such-plugin" } })),
    "notAvailable",
    "no-such-plugin",
  );
});

test("G10 the delegate's IPAM is missing: code 50 naming it", async () => {
  expectError(
    await status(newest({ delegate: { type: "ok", ipam: { type: "no-such-ipam" } } })),
    "notAvailable",
    "no-such-ipam",
  );
});

test("G10 a tenant's own delegate is missing: code 50 naming both", async () => {
  const tenants = {
    a: { fwmark: "0x10" },
    vpn: { fwmark: "0x20", delegate: { type: "no-such-plugin" } },
  };
  const outcome = await status(newest({ tenants }));
  expectError(outcome, "notAvailable", "vpn", "no-such-plugin");
  expect(outcome.calls).toEqual([]);
});

test("G10 tenants with delegates of their own: the conflist's alone is asked", async () => {
  const outcome = expectOk(
    await status(newest({ tenants: { vpn: { fwmark: "0x20", delegate: { type: "scripted" } } } })),
  );
  expect(outcome.calls.map(({ type, verb }) => [type, verb])).toEqual([["ok", "STATUS"]]);
});

test("G10 iptables is missing: code 50 naming it", async () => {
  expectError(
    await status(newest(), { wrap: world.toolbox.nothingInSbin }),
    "notAvailable",
    "iptables",
  );
});

test("G10 the kubeconfig is missing: code 50 naming it", async () => {
  expectError(
    await status(newest({ kubeconfig: "/nowhere/kubelet.conf" })),
    "notAvailable",
    "/nowhere/kubelet.conf",
  );
});

test("G10 an invalid config is told before a pod meets it", async () => {
  expectError(await status(newest({ onError: "maybe" })), "invalidConfig", "/onError");
});

test.each([
  [51, 51],
  [50, 50],
  [7, 50],
  [999, 50],
])("G10 the delegate's STATUS says %i: code %i, with its words", async (code, expected) => {
  world.script({
    STATUS: { stdout: JSON.stringify({ code, msg: "the daemon is away" }), exit: 1 },
  });
  expectError(await status(scripted({ cniVersion: "1.1.0" })), expected, "the daemon is away");
});

test("G10 chained, without a delegate: our own checks alone", async () => {
  expectOk(await status(newest({ delegate: undefined })));
});

test("G11 less than 300 ms beyond the binary's start, and nothing is written", async () => {
  await status(newest());
  const [base, own] = [
    await median(() => world.run("VERSION")),
    await median(() => status(newest())),
  ];
  expect(own - base).toBeLessThan(300);
  expect(world.records()).toEqual([]);
  expect(existsSync(world.logFile)).toBe(false);
  expect(world.firewall.prerouting()).toEqual([]);
});

async function median(body: () => Promise<Outcome>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 5; n++) times.push(expectOk(await body()).ms);
  return times.sort((a, b) => a - b)[2] ?? 0;
}
