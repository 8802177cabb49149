/**
 * `routes.links` of the types vlan and dummy, on a kernel that has them. Without KVM scripts/test-vm.sh is slow:
 * few runs of the command, each for several statements.
 */
import { vlanTest } from "../helpers/kernel-links";
import { linkOf, linksOf, linksRig, PLAIN } from "../helpers/routes-links";
import { INTERNET, unwrapped, useRoutesNode } from "../helpers/routes-node";
import { useWatchers } from "../helpers/routes-watch";
import { sh } from "../helpers/shell";

const watchers = useWatchers(() => node);
const node = useRoutesNode();
const all = (): string => [node.snapshot(), ...linksOf(node)].join("\n");

/** Their names sort against the order in which they need each other. */
const LINKS = {
  "a-top": { type: "vlan", parent: "m-top", id: 7 },
  "b-br": { type: "bridge", ports: ["a-top"], addresses: ["10.77.7.2/24"] },
  "m-top": { type: "macvlan", parent: "eth2", mtu: 1300 },
  pool: { type: "dummy", mac: "02:00:0a:4d:01:01", addresses: ["10.77.1.1/32", "fd00:77:1::1/64"] },
  trunk5: {
    type: "vlan",
    parent: "eth1",
    id: 5,
    mtu: 1400,
    addresses: ["10.77.5.2/24", "fd00:77:5::2/64"],
  },
};
const TENANT = {
  "tenant-a": {
    fwmark: "0x10/0xff",
    table: 100,
    gateways: [
      { via: "10.77.5.1", dev: "trunk5" },
      { via: "fd00:77:5::1", dev: "trunk5" },
    ],
  },
};
const { apply } = linksRig(node);
const onNode = (links: object, tenants: object = PLAIN): void => node.configure(tenants, { links });

/** The other end of the wire of eth1: a VLAN with addresses there, and packets to the internet counted. */
function trunk(...ids: number[]): string {
  const far = node.gateway("eth1");
  for (const id of ids)
    sh(
      ...["ip", "netns", "exec", far, "sh", "-ec"],
      `ip link add name lan.${id} link lan type vlan id ${id}; ip addr add 10.77.${id}.1/24 dev lan.${id}
       ip addr add fd00:77:${id}::1/64 dev lan.${id} nodad; ip link set dev lan.${id} up`,
    );
  sh(
    ...["ip", "netns", "exec", far, "sh", "-ec"],
    `ip route replace default via 10.77.5.2
     nft 'table netdev tags { chain in { type filter hook ingress device lan priority 0;
       vlan id 5 ip daddr ${INTERNET} counter accept
       ip daddr ${INTERNET} counter; }; }'`,
  );
  return far;
}

/** Packets to the internet that came out of eth1: with the VLAN ID 5, and without. */
function counted(far: string): readonly number[] {
  const text = sh("ip", "netns", "exec", far, "nft", "list", "table", "netdev", "tags");
  return [...text.matchAll(/packets (\d+)/g)].map(([, count]) => Number(count));
}

vlanTest(
  "made in their order, packets are tagged, others' VLANs stay, remove restores",
  async () => {
    const far = trunk(5, 6);
    node.run(
      "ip link add name theirs link eth1 type vlan id 6; ip addr add 10.77.6.2/24 dev theirs; ip link set theirs up",
    );
    const [before, theirs] = [all(), linkOf(node, "theirs")];
    onNode(LINKS, TENANT);
    const made = apply();
    const order = [
      "ip link add name m-top link eth2 mtu 1300 type macvlan mode bridge",
      "ip link add name a-top link m-top type vlan id 7",
      "ip link set dev a-top alias tenant-routing",
      "ip link set dev a-top master b-br",
      "ip -4 route replace default via 10.77.5.1 dev trunk5 table 100",
    ].map((words) => made.indexOf(words));
    expect(order.every((at) => at > 0)).toBe(true);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    const links = linksOf(node);
    expect(links.filter((line) => !/^eth|^theirs/.test(line))).toEqual([
      "a-top vlan m-top mtu 1300 master b-br alias tenant-routing up 7,null,null,null,null ",
      "b-br bridge null mtu 1300 master null alias tenant-routing up null,null,null,null,null 10.77.7.2/24",
      "m-top macvlan eth2 mtu 1300 master null alias tenant-routing up null,bridge,null,null,null ",
      "pool dummy null mtu 1500 master null alias tenant-routing up null,null,null,null,null 10.77.1.1/32 fd00:77:1::1/64",
      "trunk5 vlan eth1 mtu 1400 master null alias tenant-routing up 5,null,null,null,null 10.77.5.2/24 fd00:77:5::2/64",
    ]);
    expect(apply()).toContain("changes made: none");
    expect(linksOf(node)).toEqual(links);
    const pod = node.pod(1, "0x10");
    await node.serve("eth1");
    expect(node.ask(pod, INTERNET)).toBe("eth1 10.88.0.1");
    const [tagged, others] = counted(far);
    expect(tagged).toBeGreaterThan(2);
    expect(others).toBe(0);
    expect(node.ip("-br", "link", "show", "theirs")).toContain("UP");
    node.run("ping -c 1 -W 20 -I theirs 10.77.6.1");
    node.run("ip link del dev pod1; iptables-nft -t mangle -F; ip6tables-nft -t mangle -F");
    expect(node.routes("remove")).toMatchObject({ status: 0, stderr: "" });
    expect(all()).toBe(before);
    expect(linkOf(node, "theirs")).toBe(theirs);
  },
);

vlanTest("changed in what can be changed or made anew, and an MTU that does not fit", () => {
  const before = all();
  const { trunk5, pool } = LINKS;
  const lines = (links: object): readonly string[] => {
    onNode(links);
    apply();
    return linksOf(node).filter((line) => !line.startsWith("eth"));
  };
  expect(lines({ trunk5, pool })).toHaveLength(2);
  expect(
    lines({
      trunk5: { ...trunk5, id: 8, addresses: ["10.77.5.3/24"] },
      pool: { ...pool, mtu: 9000, mac: "02:00:0a:4d:01:02", addresses: ["10.77.1.2/32"] },
    }),
  ).toEqual([
    "pool dummy null mtu 9000 master null alias tenant-routing up null,null,null,null,null 10.77.1.2/32",
    "trunk5 vlan eth1 mtu 1400 master null alias tenant-routing up 8,null,null,null,null 10.77.5.3/24",
  ]);
  expect(node.ip("link", "show", "pool")).toContain("02:00:0a:4d:01:02");
  // One becomes the other, and the parent of the second is one of ours.
  const swapped = {
    pool: { type: "vlan", parent: "trunk5", id: 8, mtu: 1600 },
    trunk5: { type: "dummy", mtu: 1450 },
  };
  expect(lines(swapped)).toEqual([
    "pool vlan trunk5 mtu 1450 master null alias tenant-routing up 8,null,null,null,null ",
    "trunk5 dummy null mtu 1450 master null alias tenant-routing up null,null,null,null,null ",
  ]);
  const shown = node.routes("show");
  expect(shown.stdout).toContain("TR0123");
  expect(unwrapped(shown.stdout)).toMatch(/1600.*1450/);
  // The kernel lowers it with its parent's, and does not raise it.
  node.ip("link", "set", "trunk5", "mtu", "1280");
  expect(linkOf(node, "pool")).toContain("mtu 1280");
  expect(lines(swapped)[0]).toContain("mtu 1450");
  expect(node.routes("remove")).toMatchObject({ status: 0, stderr: "" });
  expect(all()).toBe(before);
});

vlanTest("foreign ones: used when they are as wanted, else collisions, and never changed", () => {
  node.run(`ip link add name other link eth1 type vlan id 6; ip link add name taken link eth1 type vlan id 9
    ip link add name same link eth2 type vlan id 5; ip link set dev same up; ip link add name pool type dummy`);
  const before = all();
  const vlan = (parent: string, id: number): object => ({ type: "vlan", parent, id });
  onNode({
    ...{ taken: vlan("eth1", 10), mine: vlan("eth1", 6), pool: vlan("eth1", 11) },
    ...{ same: vlan("eth2", 5), free: vlan("eth2", 6) },
  });
  const ran = node.routes("apply", "--sysctl");
  expect(ran.status).toBe(3);
  expect(unwrapped(ran.stdout).match(/^COLLISION .*/gm)).toEqual([
    expect.stringContaining(
      "TR0208 taken, which is to be a vlan, exists and was not made by wrapper routes: id 9 instead of 10",
    ),
    expect.stringContaining("TR0209 other has the VLAN ID 6 of eth1 already"),
    expect.stringContaining(
      "TR0208 pool, which is to be a vlan, exists and was not made by wrapper routes: it is a dummy",
    ),
  ]);
  expect(all()).toBe(before);
  node.routes("apply", "--sysctl", "--force");
  expect(linksOf(node).filter((line) => line.includes("tenant-routing"))).toEqual([
    expect.stringContaining("free vlan eth2"),
  ]);
  expect(node.routes("remove")).toMatchObject({ status: 0, stderr: "" });
  expect(all()).toBe(before);
});

vlanTest(
  "the watcher: deleted, flushed, a parent that is late, flaps and is made anew",
  async () => {
    trunk(5);
    const { pool, trunk5, "m-top": macvlan } = LINKS;
    const links = {
      pool,
      trunk5: { ...trunk5, parent: "late" },
      "m-top": macvlan,
      "a-top": LINKS["a-top"],
    };
    const slow = { interval: "2s", timeout: "20s" };
    node.configure(TENANT, watchers.settings(slow, { links }));
    const watching = await watchers.start({ args: ["--sysctl"] });
    const isBack = (name: string, line: string | undefined): Promise<unknown> =>
      watching.sees(`${name} as it was`, () => linkOf(node, name) === line);
    await watching.sees("what it waits for", () =>
      watching.status().error?.includes("no interface late, the parent of vlan trunk5"),
    );
    expect(linkOf(node, "trunk5")).toBeUndefined();
    // The kernel takes a VLAN down with its parent, and with that its IPv6 addresses.
    node.run("ip link set eth1 down; ip link set eth1 name late; ip link set late up");
    await watching.reaches("tenant-a", "ok");
    const [vlan, dummy, top] = ["trunk5", "pool", "a-top"].map((name) => linkOf(node, name));
    expect(vlan).toContain("up 5,null,null,null,null 10.77.5.2/24 fd00:77:5::2/64");
    node.run("ip link del dev pool; ip addr flush dev trunk5; ip link set eth2 down");
    await watching.sees("the loss of eth2", () =>
      watching.status().error?.includes("eth2, the parent of macvlan m-top, is down"),
    );
    node.run("ip link set late down; ip link set eth2 up");
    await watching.sees("the loss of late", () =>
      watching.status().error?.includes("late, the parent of vlan trunk5, is down"),
    );
    node.run("ip link set late up; ip link del dev m-top");
    await isBack("trunk5", vlan);
    await isBack("pool", dummy);
    await isBack("a-top", top);
    await watching.reaches("tenant-a", "ok");
    await watching.sees("no error", () => watching.status().error === null);
  },
);
