/**
 * The guard against the node's own way: when somebody deletes the tenants' rules, their packets are stopped, and
 * nothing else is.
 */
import { join } from "node:path";
import { createJournal } from "../../lib/attachment/journal";
import { rememberFact } from "../../lib/marks/marker";
import { duringFlood, expectOnly, MANY, NONE, useFloodedPod } from "../helpers/flood";
import { INTERNET, TENANTS, useRoutesNode } from "../helpers/routes-node";
import { sh } from "../helpers/shell";

const node = useRoutesNode();
const A = TENANTS["tenant-a"];
const DELETE = `for family in -4 -6; do
  ip $family rule | sed -n 's/^\\([0-9]*\\):.*fwmark.*/\\1/p' | while read -r priority; do ip $family rule del pref "$priority"; done
done`;

const { during, pod } = useFloodedPod(node, "0x10/0xff");

beforeEach(() => {
  const dataDir = join(node.dir, "data");
  createJournal(dataDir).prepare();
  // As an agent does when it starts.
  expect(rememberFact(dataDir, "guard", { fact: "made", what: "the guard" })).toBeUndefined();
});

function apply(): string {
  const { status, stdout, stderr } = node.routes("apply", "--sysctl");
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

const listing = (): string => node.run("nft list table inet tenant-routing");
const dropped = (): number[] =>
  [...listing().matchAll(/counter stopped_10_ff \{\s+packets (\d+)/g)].map(([, n]) => Number(n));

test("the tenants' rules are deleted: not one packet takes the node's default route", async () => {
  const before = node.snapshot();
  apply();
  const seen = await during(() => void node.run(DELETE));
  expectOnly("eth1", seen);
  expect(dropped()).toEqual([expect.any(Number)]);
  for (const n of dropped()) expect(n).toBeGreaterThan(50);
  // The other two of it: without the guard they would have left by eth0.
  expect(node.way(INTERNET, "0x10")).toContain("dev eth0");
  expect(node.routes("show").stdout).toContain("ip -4 rule add pref 32765 fwmark 0x10/0xff");
  expect(apply()).toContain("ip -4 rule add pref 32765 fwmark 0x10/0xff");
  expect(apply()).toContain("changes made: none");
  expect(node.routes("remove").status).toBe(0);
  expect(node.snapshot()).toBe(before);
});

test("a pod without a tenant goes by the node's default route, and its neighbours by theirs", async () => {
  const plain = node.pod(4, "0");
  apply();
  expectOnly("eth0", await duringFlood(node, plain, () => void node.run(DELETE)));
  expect(dropped()).toEqual([0]);
});

test("what the main table knows better, what is excluded, and the node's gateway itself: nothing of it is stopped", () => {
  node.configure(undefined, { excludeDestinations: ["198.51.100.0/24"] });
  node.ip("route", "add", "192.0.2.0/24", "via", "10.0.0.1");
  apply();
  const reach = (address: string): void => {
    sh("ip", "-n", node.gateway("eth0"), "addr", "add", `${address}/32`, "dev", "lo");
    expect(
      sh("ip", "netns", "exec", pod(), "ping", "-c1", "-W5", "-i0.2", address, "-w10"),
    ).toContain(" 0% packet loss");
  };
  node.ip("route", "add", "203.0.113.200", "via", "10.0.0.1");
  expect(listing()).toContain("ip daddr { 10.0.0.1, 192.0.2.0/24, 198.51.100.0/24 } return");
  // A route that has come since.
  expect(apply()).toContain("nft -f -");
  sh("ip", "-n", node.gateway("eth0"), "route", "replace", "10.88.0.0/16", "via", "10.0.0.2");
  for (const address of ["192.0.2.7", "198.51.100.7", "203.0.113.200"]) reach(address);
  expect(sh("ip", "netns", "exec", pod(), "ping", "-c1", "-w10", "10.0.0.1")).toContain(
    " 0% packet loss",
  );
  expect(dropped()).toEqual([0]);
});

test("a tenant whose own gateway is the node's, and one that falls back to it, may take it", async () => {
  const viaNode = { ...A, gateways: [{ via: "10.0.0.1" }, { via: "fd00:1::1" }] };
  node.configure({ "tenant-a": viaNode });
  apply();
  expect(node.snapshot()).not.toContain("way0");
  node.configure({ "tenant-a": { ...A, onGatewayLoss: "fallback" } });
  apply();
  expect(node.snapshot()).not.toContain("way0");
  expectOnly("eth1", await during(() => undefined));
});

test("the guard is off: no chain of it", () => {
  apply();
  expect(listing()).toContain("chain way0");
  node.configure(undefined, {}, { guard: false });
  expect(apply()).toContain("nft delete table inet tenant-routing");
});

test("two default routes: each is a way that is stopped", async () => {
  node.ip(
    "route",
    "replace",
    "default",
    "nexthop",
    "via",
    "10.0.0.1",
    "nexthop",
    "via",
    "10.10.20.1",
  );
  apply();
  const seen = await during(() => void node.run(DELETE));
  expect(seen).toEqual({ eth0: NONE, eth1: MANY, eth2: NONE });
});
