/** Catalogue G10, G11: STATUS looks at the node only, quickly, and writes nothing. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conf, scripted, type Conf } from "../helpers/conf";
import { useWorld } from "../helpers/harness";
import { expectError, expectOk, verbs, type Outcome } from "../helpers/outcome";

const world = useWorld();
const newest = (...changes: Conf[]): Conf => conf({ cniVersion: "1.1.0", runtimeConfig: undefined }, ...changes);
const BARE = { CNI_CONTAINERID: "", CNI_NETNS: "", CNI_IFNAME: "", CNI_ARGS: "" };
const status = (given: Conf, options: { wrap?: string } = {}): Promise<Outcome> => world.run("STATUS", { conf: given, env: BARE, ...options });

test("G10 OK although the API server cannot be reached", async () => {
  const kubeconfig = join(world.dir, "kubelet.conf");
  const text = { server: "https://127.0.0.1:1" };
  writeFileSync(kubeconfig, JSON.stringify({ clusters: [{ name: "a", cluster: text }] }), { mode: 0o600 });
  const outcome = expectOk(await status(newest({ kubeconfig })));
  expect(outcome.stdout).toBe("");
  expect(verbs(outcome)).toEqual(["STATUS"]);
  expect(outcome.calls[0]?.netconf).not.toHaveProperty("prevResult");
  expect(outcome.calls[0]?.netconf).not.toHaveProperty("runtimeConfig");
});

test("G10 the delegate is missing: code 50 naming it", async () => {
  expectError(await status(newest({ delegate: { type: "no-such-plugin" } })), "notAvailable", "no-such-plugin");
});

test("G10 the delegate's IPAM is missing: code 50 naming it", async () => {
  expectError(await status(newest({ delegate: { type: "ok", ipam: { type: "no-such-ipam" } } })), "notAvailable", "no-such-ipam");
});

test("G10 a tenant's own delegate is missing: code 50 naming both", async () => {
  const tenants = { a: { fwmark: "0x10" }, vpn: { fwmark: "0x20", delegate: { type: "no-such-plugin" } } };
  const outcome = await status(newest({ tenants }));
  expectError(outcome, "notAvailable", "vpn", "no-such-plugin");
  expect(outcome.calls).toEqual([]);
});

test("G10 tenants with delegates of their own: the conflist's alone is asked", async () => {
  const outcome = expectOk(await status(newest({ tenants: { vpn: { fwmark: "0x20", delegate: { type: "scripted" } } } })));
  expect(outcome.calls.map(({ type, verb }) => [type, verb])).toEqual([["ok", "STATUS"]]);
});

test("G10 iptables is missing: code 50 naming it", async () => {
  expectError(await status(newest(), { wrap: world.toolbox.nothingInSbin }), "notAvailable", "iptables");
});

test("G10 the kubeconfig is missing: code 50 naming it", async () => {
  expectError(await status(newest({ kubeconfig: "/nowhere/kubelet.conf" })), "notAvailable", "/nowhere/kubelet.conf");
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
  world.script({ STATUS: { stdout: JSON.stringify({ code, msg: "the daemon is away" }), exit: 1 } });
  expectError(await status(scripted({ cniVersion: "1.1.0" })), expected, "the daemon is away");
});

test("G10 chained, without a delegate: our own checks alone", async () => {
  expectOk(await status(newest({ delegate: undefined })));
});

test("G11 less than 300 ms beyond the binary's start, and nothing is written", async () => {
  await status(newest());
  const [base, own] = [await median(() => world.run("VERSION")), await median(() => status(newest()))];
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
