/** Links of others beside `routes.links`: used where they are as wanted, never touched, collisions where they are not. */
import { BEHIND, linkOf, LINKS, linksRig, PLAIN } from "../helpers/routes-links";
import { unwrapped, useRoutesNode } from "../helpers/routes-node";

const node = useRoutesNode();
const { all, apply, configure } = linksRig(node);

test("a foreign link that is as wanted is used, and stays as it is", () => {
  node.run(
    "ip link add name vpn0 link eth1 mtu 1400 type macvlan mode bridge; ip addr add 10.10.10.3/24 dev vpn0; ip addr add fd00:10::3/64 dev vpn0 nodad; ip link set dev vpn0 up",
  );
  const before = all();
  configure({ vpn0: LINKS.vpn0 }, { "tenant-a": BEHIND["tenant-a"] });
  expect(apply()).not.toContain("ip link");
  expect(node.way("203.0.113.1", "0x10")).toContain("via 10.10.10.1 dev vpn0");
  expect(linkOf(node, "vpn0")).toContain("alias null");
  node.routes("remove");
  expect(all()).toBe(before);
});

const peer = (verb: "append" | "del", dst: string): string =>
  `bridge fdb ${verb} 00:00:00:00:00:00 dev vx7 dst ${dst}`;

// As one makes it by hand, and as the operators of the gateway networks do: the first peer in the link itself.
test.each([
  ["peer by peer", `${peer("append", "10.0.0.1")}; ${peer("append", "10.0.0.3")}`, ""],
  ["with a remote of its own", peer("append", "10.0.0.3"), "remote 10.0.0.1"],
])("a foreign vxlan %s with the peers that are wanted is used", (_, script, remote) => {
  node.run(
    `ip link add name vx7 type vxlan id 7 dstport 4789 dev eth0 ${remote}; ${script}; ip link set dev vx7 up`,
  );
  const before = all();
  configure({ vx7: LINKS.vx7 }, PLAIN);
  expect(apply()).toContain("changes made: none");
  expect(node.routes("remove").status).toBe(0);
  expect(all()).toBe(before);
});

test("a foreign vxlan with other peers is a collision, which its commands end", () => {
  node.run(
    `ip link add name vx7 type vxlan id 7 dstport 4789 dev eth0; ${peer("append", "10.0.0.3")}; ${peer("append", "10.0.0.9")}; ${peer("append", "10.0.0.1 vni 9")}; ip link set dev vx7 up`,
  );
  const before = all();
  configure();
  const commands = [
    peer("append", "10.0.0.1"),
    peer("del", "10.0.0.1 vni 9"),
    peer("del", "10.0.0.9"),
  ];
  for (const [action, wanted] of Object.entries({ plan: 3, apply: 3, show: 1 })) {
    const { status, stdout } = node.routes(action);
    const [line = stdout] = unwrapped(stdout).match(/^COLLISION .*$/m) ?? [];
    expect([status, line]).toEqual([
      wanted,
      expect.stringContaining(
        "TR0208 vx7, which is to be a vxlan, exists and was not made by wrapper routes: it lacks the peers 10.0.0.1, it has the undeclared peers ",
      ),
    ]);
    for (const command of commands) expect(line).toContain(command);
    expect(all()).toBe(before);
  }
  node.run(commands.join("; "));
  expect(node.routes("plan").stdout).not.toContain("COLLISION");
});

test("what takes the place of a link of ours is left alone, also by remove", () => {
  configure({ vpn0: LINKS.vpn0 }, PLAIN);
  apply();
  node.run(
    "ip link del dev vpn0; ip link add name vpn0 link eth1 type macvlan mode bridge; ip link set dev vpn0 up",
  );
  const theirs = linkOf(node, "vpn0");
  expect(node.routes("apply")).toMatchObject({ status: 3 });
  expect(node.routes("remove").status).toBe(0);
  expect(linkOf(node, "vpn0")).toBe(theirs);
});

test("collisions are found before anything changes: also what would not have been in their way", () => {
  node.run("ip link add name vx-old type vxlan id 7 dstport 4789 dev eth0");
  const before = all();
  configure();
  expect(node.routes("apply")).toMatchObject({
    status: 3,
    stdout: expect.stringContaining(
      "COLLISION link-id: TR0209 vx-old has the VXLAN identifier 7 already",
    ),
  });
  expect(all()).toBe(before);
});
