/** `wrapper routes watch` and links of `routes.links`: deleted ones, late and unsteady parents. */
import { BEHIND, linkOf, LINKS } from "../helpers/routes-links";
import { useRoutesNode } from "../helpers/routes-node";
import { useWatchers, type Watching } from "../helpers/routes-watch";
import { sh } from "../helpers/shell";

const watchers = useWatchers(() => node);
const node = useRoutesNode();
const FAR = "203.0.113.1";
/** Behind the bridge nobody answers, so it has no tenant here. */
const TENANT = { "tenant-a": BEHIND["tenant-a"] };

async function start(links: object = LINKS, tenants: object = TENANT): Promise<Watching> {
  node.configure(tenants, watchers.settings({}, { links }));
  return watchers.start({ args: ["--sysctl"] });
}

function isBack(watching: Watching, name: string, line: string | undefined): Promise<unknown> {
  return watching.sees(`${name} as it was`, () => linkOf(node, name) === line);
}

test("a link that is deleted, brought down or taken apart is put back, and its routes", async () => {
  const watching = await start();
  const [vpn0, bridge, vxlan] = ["vpn0", "br-gw", "vx7"].map((name) => linkOf(node, name));
  for (const break_ of [
    "ip link del dev vpn0",
    "ip link set dev vpn0 down",
    "ip addr flush dev vpn0 scope global",
    "ip link set dev vpn0 mtu 1300",
    "ip link set dev vx7 nomaster",
    "ip link del dev br-gw; ip link del dev vx7",
    "ip link del dev br-gw",
    // Without it the node asks for no neighbour on behalf of what it forwards.
    "ip -6 addr flush dev vpn0 scope link",
  ]) {
    node.run(break_);
    await isBack(watching, "vpn0", vpn0);
    await isBack(watching, "br-gw", bridge);
    await isBack(watching, "vx7", vxlan);
    await watching.sees("the link-local address", () =>
      node.run("ip -6 addr show dev vpn0 scope link").includes("fe80::"),
    );
  }
  await watching.sees("the route", () => node.way(FAR, "0x10").includes("dev vpn0"));
  expect(watching.said()).toContain("ip link add name vpn0 link eth1");
  await watching.reaches("tenant-a", "ok");
  await watching.sees("no error", () => watching.status().error === null);
});

test("a parent that comes later: the tenant stops until it is there, and who looks is told why", async () => {
  const links = { top: { type: "macvlan", parent: "late", addresses: ["10.10.12.2/24"] } };
  const tenants = {
    "tenant-a": { ...BEHIND["tenant-a"], gateways: [{ via: "10.10.12.1", dev: "top" }] },
  };
  const watching = await start(links, tenants);
  await watching.reaches("tenant-a", "stopped");
  expect(node.way(FAR, "0x10")).toMatch(/unreachable|No route to host/);
  expect(watching.status().error).toContain("no interface late, the parent of macvlan top");
  const far = node.gateway("eth2");
  node.run(`ip link add name late type veth peer name far netns ${far}`);
  await watching.sees("top", () => linkOf(node, "top"));
  await watching.sees("what it waits for", () =>
    watching.status().error?.includes("late, the parent of macvlan top, is down"),
  );
  sh("ip", "-n", far, "addr", "add", "10.10.12.1/24", "dev", "far");
  sh("ip", "-n", far, "link", "set", "far", "up");
  node.run("ip link set dev late up");
  await watching.reaches("tenant-a", "ok");
  expect(node.way(FAR, "0x10")).toContain("via 10.10.12.1 dev top");
  await watching.sees("no error", () => watching.status().error === null);
});

test("a parent that flaps, and one that is made anew", async () => {
  const watching = await start();
  const vpn0 = linkOf(node, "vpn0");
  for (let round = 0; round < 3; round++) {
    node.ip("link", "set", "eth1", "down");
    await watching.sees("the loss", () =>
      watching.status().error?.includes("eth1, the parent of macvlan vpn0, is down"),
    );
    node.ip("link", "set", "eth1", "up");
    await isBack(watching, "vpn0", vpn0);
    await watching.reaches("tenant-a", "ok");
  }
  node.ip("link", "del", "eth1");
  await watching.sees("the loss", () => watching.status().error?.includes("no interface eth1"));
  expect(node.way(FAR, "0x10")).toMatch(/unreachable|No route to host/);
  node.ip(
    "link",
    "add",
    "eth1",
    "type",
    "veth",
    "peer",
    "name",
    "lan",
    "netns",
    node.gateway("eth1"),
  );
  for (const address of ["10.10.10.1/24", "fd00:10::1/64"])
    sh("ip", "-n", node.gateway("eth1"), "addr", "add", address, "dev", "lan");
  sh("ip", "-n", node.gateway("eth1"), "link", "set", "lan", "up");
  node.ip("link", "set", "eth1", "up");
  await isBack(watching, "vpn0", vpn0);
  await watching.reaches("tenant-a", "ok");
});
