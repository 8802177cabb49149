/** STATUS looks at the node only, quickly, and writes nothing. */
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useApi } from "../helpers/api";
import { conf, scripted, type Conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs, type Outcome } from "../helpers/outcome";
import { sh } from "../helpers/shell";
import type { KubeconfigKind } from "../apiserver/kubeconfig";
import { BACKEND } from "../helpers/mode";

const world = useWorld();
const api = useApi(world, "");
const BARE = { CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "", CNI_ARGS: "" };
const status = (given: Conf, options: { wrap?: string } = {}): Promise<Outcome> =>
  world.run("STATUS", { conf: given, env: BARE, ...options });
const newest = (...changes: Conf[]): Conf =>
  conf({ cniVersion: "1.1.0", runtimeConfig: undefined }, ...changes);

test("STATUS succeeds although the API server cannot be reached", async () => {
  await api.stop();
  const outcome = expectOk(await status(newest({ kubeconfig: await api.kubeconfig() })));
  expect(outcome.stdout).toBe("");
  expect(verbs(outcome)).toEqual(["STATUS"]);
  expect(outcome.calls[0]?.netconf).not.toHaveProperty("prevResult");
  expect(outcome.calls[0]?.netconf).not.toHaveProperty("runtimeConfig");
});

// Every other kind: test/unit/lib/kube/check.test.ts. The plugin of exec-fails is not run.
test.each<KubeconfigKind>(["inline", "exec-fails"])(
  "STATUS succeeds with a kubeconfig of kind %s, without a request",
  async (kind) => {
    expectOk(await status(newest({ kubeconfig: await api.kubeconfig(kind) })));
    expect(await api.requests()).toEqual([]);
  },
);

const withPlugin = (good: string): string =>
  readFileSync(good, "utf8")
    .replace(
      /client-certificate: .*/,
      "exec: { apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin }",
    )
    .replace(/client-key: .*/, "");

/** Makes a kubeconfig at `path` that no ADD accepts, from a good one. Others: test/unit/lib/kube/kubeconfig.test.ts. */
const REFUSED: readonly (readonly [string, (path: string, good: string) => void, RegExp])[] = [
  ["a FIFO", (path) => sh("mkfifo", path), /not a regular file/],
  [
    "writable for everybody",
    (path, good) => (copyFileSync(good, path), chmodSync(path, 0o666)),
    /mode 666.*chmod go-w/,
  ],
  [
    "with a plugin that is not installed",
    (path, good) => writeFileSync(path, withPlugin(good), { mode: 0o600 }),
    /"no-such-plugin".*cannot be started \(ENOENT\)/,
  ],
];

test.each(REFUSED)(
  "a kubeconfig that is %s is code 50 with the text of ADD",
  async (_, make, words) => {
    const kubeconfig = join(world.dir, "odd.kubeconfig");
    make(kubeconfig, await api.kubeconfig());
    const refusal = await status(newest({ kubeconfig }));
    expectError(refusal, "notAvailable", /^TR050[24] /, words, "odd.kubeconfig");
    expectError(
      await world.run("ADD", { conf: newest({ kubeconfig }) }),
      "kubeconfig",
      words,
      "odd.kubeconfig",
    );
  },
);

test("an expired client certificate is code 50, and refused by ADD", async () => {
  const words = /the client certificate in \S+ expired on 20\d\d-\d\d-\d\dT\S+Z: /;
  const kubeconfig = await api.kubeconfig("expired");
  const remedy = "systemctl restart kubelet";
  expectError(await status(newest({ kubeconfig })), "notAvailable", "TR0505", words, remedy);
  expectError(await world.run("ADD", { conf: newest({ kubeconfig }) }), "unauthorized", words);
});

test("a missing delegate is code 50 that names it", async () => {
  expectError(
    await status(newest({ delegate: { type: "no-such-plugin" } })),
    "notAvailable",
    "TR0308",
    "no-such-plugin",
  );
});

test("a missing IPAM of the delegate is code 50 that names it", async () => {
  expectError(
    await status(newest({ delegate: { type: "ok", ipam: { type: "no-such-ipam" } } })),
    "notAvailable",
    "no-such-ipam",
  );
});

test("a tenant's own delegate that is missing is code 50 that names both", async () => {
  const tenants = {
    a: { fwmark: "0x10" },
    vpn: { fwmark: "0x20", delegate: { type: "no-such-plugin" } },
  };
  const outcome = await status(newest({ tenants }));
  expectError(outcome, "notAvailable", "vpn", "no-such-plugin");
  expect(outcome.calls).toEqual([]);
});

test("the conflist's delegate alone is asked when tenants have delegates of their own", async () => {
  const outcome = expectOk(
    await status(newest({ tenants: { vpn: { fwmark: "0x20", delegate: { type: "scripted" } } } })),
  );
  expect(outcome.calls.map(({ type, verb }) => [type, verb])).toEqual([["ok", "STATUS"]]);
});

test("missing programs of the backend are code 50 that names them", async () => {
  expectError(
    await status(newest(), { wrap: world.toolbox.nothingInSbin }),
    "notAvailable",
    "TR0705",
    BACKEND === "nftables" ? "nft" : "iptables",
  );
});

test("a missing kubeconfig is code 50 that names it", async () => {
  expectError(
    await status(newest({ kubeconfig: "/nowhere/kubelet.conf" })),
    "notAvailable",
    "/nowhere/kubelet.conf",
  );
});

test("a full disk of the journal is code 50, a nearly full one is nothing", async () => {
  const dir = join(world.dir, "small");
  const wrap = (kib: number): string =>
    `mkdir -p ${dir}; mount -t tmpfs -o size=1m,mode=0700 tmpfs ${dir}; head -c ${kib}k /dev/zero >${dir}/filler`;
  const given = newest({ dataDir: dir });
  expectError(await status(given, { wrap: wrap(1000) }), "notAvailable", "TR0701", "Free space");
  expectOk(await status(given, { wrap: wrap(940) }));
});

test("an invalid config is reported before a pod meets it", async () => {
  expectError(await status(newest({ onError: "maybe" })), "invalidConfig", "/onError");
});

test.each([
  [51, 51],
  [50, 50],
  [7, 50],
  [999, 50],
])("a delegate whose STATUS says %i is code %i with its text", async (code, expected) => {
  world.script({
    STATUS: { stdout: JSON.stringify({ code, msg: "the daemon is away" }), exit: 1 },
  });
  expectError(await status(scripted({ cniVersion: "1.1.0" })), expected, "the daemon is away");
});

test("without a delegate only our own checks are made", async () => {
  expectOk(await status(newest({ delegate: undefined })));
});

test("STATUS takes less than 300 ms beyond the binary's start, and writes nothing", async () => {
  await status(newest());
  let beyond = Infinity;
  // Side by side, as often as a busy machine needs.
  for (let n = 0; n < 15 && beyond >= 300; n++) {
    const base = expectOk(await world.run("VERSION")).ms;
    beyond = Math.min(beyond, expectOk(await status(newest())).ms - base);
  }
  expect(beyond).toBeLessThan(300);
  expect(world.records()).toEqual([]);
  expect(existsSync(world.logFile)).toBe(false);
  expect(world.firewall.prerouting()).toEqual([]);
});
