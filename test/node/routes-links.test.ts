/** `routes.links`: links made, kept, changed and taken back by `wrapper routes`. */
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BEHIND, linkOf, LINKS, linksOf, linksRig, PLAIN } from "../helpers/routes-links";
import { INTERNET6, unwrapped, useRoutesNode } from "../helpers/routes-node";
import { until } from "../helpers/shell";

const node = useRoutesNode();
const { all, apply, configure } = linksRig(node);

function recordText(): string {
  const dir = join(node.dir, "data/routes");
  return readFileSync(
    join(dir, readdirSync(dir).find((name) => name.startsWith("netns-")) ?? ""),
    "utf8",
  );
}

test("one apply makes the links, each behind those that it needs, and then the routes by them", () => {
  configure();
  node.set("ipv4/conf/default/rp_filter", "1");
  const before = all();
  const planned = node.routes("plan", "--sysctl");
  expect(planned).toMatchObject({ status: 0, stderr: "" });
  expect(all()).toBe(before);
  const made = apply();
  const commands = (text: string): string[] =>
    text.split("\n").filter((line) => /^ {2}(ip|bridge|sysctl) /.test(line));
  expect(commands(made)).toEqual(commands(unwrapped(planned.stdout)));
  const order = [
    "ip link add name vpn0 link eth1 mtu 1400 type macvlan mode bridge",
    "ip link set dev vpn0 alias tenant-routing",
    "ip addr add 10.10.10.3/24 dev vpn0",
    "ip link set dev vpn0 up",
    "ip link add name vx7 type vxlan id 7 dstport 4789 dev eth0",
    "bridge fdb append 00:00:00:00:00:00 dev vx7 dst 10.0.0.3",
    "ip link add name br-gw address 02:00:0a:32:00:01 type bridge",
    "ip link set dev vx7 master br-gw",
    "ip -4 route replace default via 10.10.10.1 dev vpn0 table 100",
    "ip -4 route replace default via 10.50.0.11 dev br-gw table 200",
    "sysctl -w net.ipv4.conf.vpn0.rp_filter=2",
  ].map((words) => made.indexOf(words));
  expect(order.every((at) => at > 0)).toBe(true);
  expect(order).toEqual([...order].sort((a, b) => a - b));
  expect(linksOf(node).filter((line) => !line.startsWith("eth"))).toEqual([
    "br-gw bridge null mtu 1400 master null alias tenant-routing up null,null,null,null,null 10.50.0.1/24 fd00:50::1/64",
    "vpn0 macvlan eth1 mtu 1400 master null alias tenant-routing up null,bridge,null,null,null 10.10.10.3/24 fd00:10::3/64",
    "vx7 vxlan eth0 mtu 1450 master br-gw alias tenant-routing up 7,null,null,null,4789 ",
    // The node's own address is no other end.
    "00:00:00:00:00:00 dev vx7 dst 10.0.0.1 self permanent",
    "00:00:00:00:00:00 dev vx7 dst 10.0.0.3 self permanent",
  ]);
  expect(node.way("203.0.113.1", "0x10")).toContain("via 10.10.10.1 dev vpn0");
  expect(node.way("2001:db8::1", "0x10")).toContain("via fd00:10::1 dev vpn0");
});

test("again it changes nothing, show finds nothing, and remove restores the node exactly", () => {
  const before = all();
  configure();
  apply();
  const [after, record] = [all(), recordText()];
  expect(apply()).toContain("changes made: none");
  expect([all(), recordText()]).toEqual([after, record]);
  expect(node.routes("show")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining(": none"),
  });
  expect(node.routes("remove")).toMatchObject({ status: 0, stderr: "" });
  expect(all()).toBe(before);
  expect(node.routes("remove")).toMatchObject({ status: 0, stdout: "nothing to remove\n" });
});

test("without the record, and whatever the conflist says by then, the marks say what is ours", () => {
  const before = all();
  configure();
  apply();
  rmSync(join(node.dir, "data/routes"), { recursive: true });
  node.configure({ "tenant-a": BEHIND["tenant-a"], "tenant-b": BEHIND["tenant-b"] });
  expect(node.routes("remove")).toMatchObject({ status: 0, stderr: "" });
  expect(linksOf(node)).toEqual(before.split("\n").filter((line) => / veth /.test(line)));
});

test.each<readonly [string, object]>([
  ["none of them", {}],
  ["another parent", { ...LINKS, vpn0: { ...LINKS.vpn0, parent: "eth2" } }],
  ["another id", { ...LINKS, vx7: { ...LINKS.vx7, id: 8 } }],
  ["another name for the same id", { vx8: LINKS.vx7, vpn0: LINKS.vpn0 }],
  ["other peers", { ...LINKS, vx7: { ...LINKS.vx7, remotes: ["10.0.0.3", "10.0.0.4"] } }],
  ["a group", { ...LINKS, vx7: { type: "vxlan", parent: "eth0", id: 7, group: "239.50.0.1" } }],
  ["IPv6 ends", { vx7: { type: "vxlan", id: 7, remotes: ["fd00:1::1"] } }],
  ["another MTU", { ...LINKS, vpn0: { ...LINKS.vpn0, mtu: 1300 } }],
  [
    "no MTU, no hardware address",
    { vpn0: { type: "macvlan", parent: "eth1" }, "br-gw": { type: "bridge" } },
  ],
  ["another address", { ...LINKS, vpn0: { ...LINKS.vpn0, addresses: ["10.10.10.4/24"] } }],
  ["no port", { ...LINKS, "br-gw": { ...LINKS["br-gw"], ports: [] } }],
  ["a port of the node's", { ...LINKS, "br-gw": { ...LINKS["br-gw"], ports: ["eth2"] } }],
  ["a macvlan on the bridge", { ...LINKS, top: { type: "macvlan", parent: "br-gw" } }],
])("changed to %s: apply leaves nothing stale, nor does remove", (_, links) => {
  const before = all();
  configure(LINKS, PLAIN);
  apply();
  configure(links, PLAIN);
  apply();
  const changed = all();
  expect(node.routes("remove").status).toBe(0);
  expect(all()).toBe(before);
  apply();
  expect(changed).toBe(all());
});

test("what others add to a link of ours stays, and goes with it", () => {
  configure();
  apply();
  node.ip("addr", "add", "10.10.10.77/24", "dev", "vpn0");
  node.run(
    "ip link add tap7 type veth peer name pod7; ip link set dev tap7 master br-gw; bridge fdb append 00:00:00:00:00:00 dev vx7 dst 10.0.0.9",
  );
  expect(apply()).toContain("changes made: none");
  expect(linkOf(node, "vpn0")).toContain("10.10.10.77/24");
  expect(linksOf(node).filter((line) => /^tap7 .* br-gw|10\.0\.0\.9/.test(line))).toHaveLength(2);
  node.routes("remove");
  expect(linkOf(node, "tap7")).toContain("master null");
});

test("a link-local address that is taken away comes back, without taking the link down", async () => {
  configure();
  apply();
  const pod = node.pod(1, "0x10");
  await node.serve("eth1");
  const [addresses, before] = [linkLocals(), all()];
  expect(addresses).toHaveLength(2);
  expect(node.ask(pod, INTERNET6)).toMatch(/^eth1 /);
  for (const [dev = "", address = ""] of addresses) node.ip("addr", "del", address, "dev", dev);
  node.ip("-6", "neigh", "flush", "dev", "vpn0");
  expect(node.ask(pod, INTERNET6)).toBe("no answer");
  expect(node.routes("show")).toMatchObject({ status: 1 });
  const made = apply();
  for (const [dev = "", address = ""] of addresses)
    expect(made).toContain(`ip addr add ${address} dev ${dev}\n`);
  expect(made).not.toContain("ip link");
  expect([linkLocals(), all()]).toEqual([addresses, before]);
  // Not before the kernel has looked for another one with that address.
  await until("the gateway", () => node.ask(pod, INTERNET6).startsWith("eth1 "));
  expect(apply()).toContain("changes made: none");
});

test("where the kernel is to make no link-local address, or has no IPv6, none is made", () => {
  configure({ vpn0: LINKS.vpn0, "br-gw": { type: "bridge", addresses: ["10.50.0.1/24"] } }, PLAIN);
  apply();
  node.run("ip link set dev vpn0 addrgenmode none; ip -6 addr flush dev vpn0 scope link");
  node.set("ipv6/conf/br-gw/disable_ipv6", "1");
  expect(apply()).toContain("changes made: none");
});

test("a link-local address that is declared is given once", () => {
  configure({ vpn0: { ...LINKS.vpn0, addresses: ["fe80::3/64", "10.10.10.3/24"] } }, PLAIN);
  apply();
  expect(apply()).toContain("changes made: none");
  expect(linkLocals().map(([, address]) => address)).toContain("fe80::3/64");
});

/** Device and address of each, of the links that have addresses of their own. */
function linkLocals(): readonly (readonly string[])[] {
  const text = node.run("ip -o -6 addr show scope link");
  return text
    .split("\n")
    .map((line) => /^\d+: (br-gw|vpn0) +inet6 (\S+)/.exec(line)?.slice(1) ?? [])
    .filter((found) => found.length > 0);
}

test("a link that a killed apply left without its mark is finished, and removed", () => {
  const before = all();
  configure({ vpn0: LINKS.vpn0 }, { "tenant-a": BEHIND["tenant-a"] });
  apply();
  const done = linksOf(node);
  const half =
    "ip link del dev vpn0; ip link add name vpn0 link eth1 mtu 1400 type macvlan mode bridge";
  node.run(half);
  apply();
  expect(linksOf(node)).toEqual(done);
  node.run(half);
  expect(node.routes("remove").status).toBe(0);
  expect(all()).toBe(before);
});

test.each(["dummy", "vlan"])(
  "a %s is made, or the kernel's refusal is told and holds up nothing else",
  (type) => {
    const specific = type === "vlan" ? { parent: "eth2", id: 5 } : {};
    configure(
      { ...LINKS, extra: { type, ...specific, addresses: ["10.77.0.1/24", "fd00:77::1/64"] } },
      BEHIND,
    );
    const before = all();
    const ran = node.routes("apply", "--sysctl");
    const made = linkOf(node, "extra");
    if (made === undefined) {
      expect(ran.status).toBe(1);
      expect(ran.stdout.match(/^FAILED: /gm)).toHaveLength(1);
      expect(unwrapped(ran.stdout)).toMatch(
        new RegExp(`FAILED: ip link add name extra .*type ${type}.*Unknown device type`),
      );
    } else {
      expect(ran.status).toBe(0);
      expect(made).toMatch(/tenant-routing up .*10\.77\.0\.1\/24 fd00:77::1\/64$/);
      expect(apply()).toContain("changes made: none");
    }
    expect(node.way("203.0.113.1", "0x10")).toContain("via 10.10.10.1 dev vpn0");
    expect(node.routes("remove").status).toBe(0);
    expect(all()).toBe(before);
  },
);
