/** `wrapper explain` on a node with real pods, gateways and rules: the healthy way, --live, and what is refused. */
import { flat, POD, useExplain } from "../helpers/explain-node";
import { annotated } from "../helpers/node-runtime";
import type { Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";
import { INTERNET, useRoutesNode } from "../helpers/routes-node";
import { sh } from "../helpers/shell";

const node = useRoutesNode();
const { newPod, vanish, runtime, build, explain, asJson, expectHealthy } = useExplain(node);
let web: Pod;

describe("a pod of a tenant", () => {
  beforeEach(async () => {
    web = await build();
  });

  test("a healthy way is a tree with every step, and status 0", async () => {
    await expectHealthy();
    const { exit, stdout, stderr } = await explain("team-a/web-0");
    expect([exit, stderr]).toEqual([0, ""]);
    for (const part of [
      "team-a/web-0 -> 203.0.113.9\n",
      "pod annotation tenant.routing/fwmark",
      "tenant-a, mark 0x10/0xff, table 100",
      "sets 0x10/0xff, 0 packets, 0 bytes",
      "fwmark 0x10/0xff lookup 100",
      "10.10.10.1 answers, neighbour REACHABLE",
      "none: it leaves with the pod's address",
      "1500 in the pod, 1500 on eth1",
      "2 on eth1, 0 on all",
      "\nteam-a/web-0 -> 203.0.113.9 leaves by 10.10.10.1 on eth1 as tenant-a.\n",
    ])
      expect(stdout).toContain(part);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(stdout).toMatch(/^[\x20-\x7e\n]*$/);
  });

  test("--live sends a real packet, and the answer comes back", async () => {
    await node.serve("eth1");
    const { exit, paths } = await asJson(`${INTERNET}:80`, "--live");
    expect(exit).toBe(0);
    const probe = paths[0]?.steps.at(-1);
    expect(paths[0]?.verdict).toMatch(/ as tenant-a, and the answer came back$/);
    expect(probe).toMatchObject({ name: "probe", what: "a TCP SYN to port 80: answered" });
    expect(flat(probe?.steps ?? []).map(({ name }) => name)).toEqual([
      "the pod",
      "the mark rule",
      "the filters",
      "eth1",
      "the gateway",
      "answer",
    ]);
    expect(flat(probe?.steps ?? [])[2]?.what).toBe(`tracked, answers go to ${POD}`);
    const echo = await asJson(INTERNET, "--live");
    expect(echo.paths[0]?.steps.at(-1)?.what).toBe("an ICMP echo request: answered");
  });

  test("--live says where a packet was dropped that no rule in sight drops", async () => {
    node.run(
      `nft 'add table inet hid; add chain inet hid onward { type filter hook forward priority 0; }; add rule inet hid onward meta length 1-2000 drop'`,
    );
    const { exit, paths } = await asJson(`${INTERNET}:80`, "--live");
    expect(exit).toBe(1);
    expect(paths[0]?.first?.code).toBe("TR0917");
    expect(flat(paths[0]?.steps ?? []).at(-1)).toMatchObject({
      name: "answer",
      what: "none: it stopped before the filters",
      state: "failed",
    });
  });

  test("--live says that the node did its part, where nothing comes back", async () => {
    sh("ip", "-n", node.gateway("eth1"), "route", "add", "blackhole", "198.51.100.77");
    const { exit, stdout } = await explain("team-a/web-0", "198.51.100.77:80", "--live");
    expect(exit).toBe(2);
    for (const part of [
      "198.51.100.77:80 leaves by 10.10.10.1 on eth1 as tenant-a; no answer came back.\n",
      "WARNING TR0918: a packet of team-a/web-0 left by 10.10.10.1 on eth1 as tenant-a, and no",
      `look in this order: the way back, on 10.10.10.1 (ip route get ${POD}); its NAT;`,
    ])
      expect(stdout).toContain(part);
  });

  test("--live tells an answer that was lost on this node from one that never came", async () => {
    await node.serve("eth1");
    node.run(
      "nft 'add table inet hid; add chain inet hid onward { type filter hook forward priority 0; }; add rule inet hid onward iifname eth1 drop'",
    );
    const { exit, paths } = await asJson(`${INTERNET}:80`, "--live");
    expect([exit, paths[0]?.first?.code]).toEqual([1, "TR0919"]);
    expect(paths[0]?.verdict).toMatch(/as tenant-a; its answer was lost on this node$/);
  });

  test("a rule is found in a chain of nftables that a verdict map leads to", async () => {
    node.run(
      `nft 'add table inet hid; add chain inet hid deep; add rule inet hid deep ip saddr ${POD} drop; add chain inet hid onward { type filter hook forward priority 0; }; add map inet hid zones { type ifname : verdict; flags interval; elements = { "eth0" : accept, "veth*" : jump deep }; }; add rule inet hid onward iifname vmap @zones'`,
    );
    const { exit, paths } = await asJson(`${INTERNET}:80`);
    expect(exit).toBe(1);
    expect(paths[0]?.first).toMatchObject({
      code: "TR0906",
      remedy: expect.stringMatching(/^nft delete rule inet hid deep handle \d+$/),
    });
  });

  test("--live names the rule whose counter has grown", async () => {
    // Its match is one that nobody judges from outside.
    node.run("iptables-nft -A FORWARD -m length --length 0:2000 -j DROP");
    const { paths } = await asJson(`${INTERNET}:80`, "--live");
    expect(flat(paths[0]?.steps ?? []).find(({ name }) => name === "filter")?.state).toBe(
      "unknown",
    );
    expect(paths[0]?.first).toMatchObject({
      code: "TR0906",
      remedy: "iptables-nft -w -t filter -D FORWARD -m length --length 0:2000 -j DROP",
    });
  });

  test("a destination in the cluster, and one on the node itself, pass the tenant's gateway", async () => {
    const near = await asJson("10.0.0.1");
    expect(near.paths[0]?.verdict).toBe("team-a/web-0 -> 10.0.0.1 leaves by eth0 as tenant-a");
    expect(near.exit).toBe(0);
    const own = await asJson("10.10.10.2");
    expect(own.paths[0]?.verdict).toBe("team-a/web-0 -> 10.10.10.2 ends on this node");
    expect(own.exit).toBe(0);
  });

  test("a pod without a tenant leaves by the node's default route, status 0", async () => {
    expectOk(await runtime().add(newPod("plain", "client-0"), annotated(undefined)));
    const { exit, paths } = await explain("plain/client-0", "-o", "json");
    expect(paths[0]?.verdict).toBe(
      "plain/client-0 -> 203.0.113.9 leaves by the node's default route, by 10.0.0.1 on eth0, no tenant",
    );
    expect([exit, paths[0]?.first]).toEqual([0, null]);
  });

  test.each(["mermaid", "dot", "svg"])("-o %s is a picture of the same steps", async (format) => {
    const { exit, stdout } = await explain("team-a/web-0", "-o", format);
    expect(exit).toBe(0);
    for (const part of ["tenant-a", "10.10.10.1", "203.0.113.9"]) expect(stdout).toContain(part);
  });

  test.each([
    [
      "another namespace",
      ["team-b/web-0"],
      /no attachment of team-b\/web-0 .*did you mean team-a\/web-0\?/,
    ],
    ["a slip", ["team-a/wbe-0"], /did you mean team-a\/web-0\?/],
    [
      "no such pod",
      ["shop/none"],
      /no attachment of shop\/none on this node: is it on another node/,
    ],
    ["a name as destination", ["team-a/web-0", "example.org"], /"example.org" is no destination/],
    ["a zone", ["team-a/web-0", "fe80::1%eth0"], /an address with a zone never leaves its link/],
    ["a port that is none", ["team-a/web-0", "203.0.113.9:99999"], /a port is a number/],
    [
      "the other family",
      ["team-a/web-0", "2001:db8::9"],
      /has no IPv6 address: its addresses are 10\.88\.0\.2/,
    ],
    ["no pod at all", ["team-a/web-0", "1.1.1.1", "2.2.2.2"], /name one pod/],
  ])("%s is refused with status 2", async (_, args, says) => {
    const { exit, stdout, stderr } = await explain(...args);
    expect([exit, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(says);
  });

  test("of two sandboxes of one pod the container's ID tells which", async () => {
    const other = newPod("team-a", "web-0");
    expectOk(await runtime().add(other, annotated("tenant-b")));
    const { exit, stderr } = await explain("team-a/web-0");
    expect(exit).toBe(2);
    expect(stderr).toMatch(/team-a\/web-0 has 2 attachments on this node: name one/);
    for (const { id } of [web, other]) expect(stderr).toContain(id);
    const { paths } = await explain(other.id, "-o", "json");
    expect(paths[0]?.verdict).toMatch(/leaves by 10\.10\.20\.1 on eth2 as tenant-b/);
    vanish(other);
    expect((await explain("team-a/web-0", "-o", "json")).exit).toBe(0);
  });
});

test("marks in nftables count for all pods of the tenant", async () => {
  await build({ backend: "nftables" });
  await expectHealthy();
  expect((await explain("team-a/web-0")).stdout).toContain(
    "sets 0x10/0xff, 0 packets, 0 bytes of all pods with it",
  );
  await node.serve("eth1");
  const { paths } = await asJson(`${INTERNET}:80`, "--live");
  expect(paths[0]?.steps.at(-1)?.what).toBe("a TCP SYN to port 80: answered");
  node.run("nft flush map inet tenant-routing-marks pods4");
  expect((await asJson()).paths[0]?.first?.code).toBe("TR0903");
});

test("a pod of both families has a way for each", async () => {
  await build({}, ["10.88.0.0/24", "fd00:88::/112"]);
  const { exit, paths } = await asJson();
  expect(paths.map(({ verdict }) => verdict)).toEqual([
    "team-a/web-0 -> 203.0.113.9 leaves by 10.10.10.1 on eth1 as tenant-a",
    "team-a/web-0 -> 2001:db8::9 is stopped on this node",
  ]);
  expect(exit).toBe(0);
});
