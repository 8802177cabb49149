/**
 * The moments of a change: a flood of a marked pod's packets, counted at every gateway, while
 * `wrapper routes` works.
 */
import { join } from "node:path";
import { createJournal } from "../../lib/attachment/journal";
import { attachmentTag } from "../../lib/marks/tag";
import { COUNT, DEVICES, expectOnly, MANY, NONE, useFloodedPod } from "../helpers/flood";
import { TENANTS, useRoutesNode, WRAPPER } from "../helpers/routes-node";
import { sh } from "../helpers/shell";

const node = useRoutesNode();
const [A, B] = [
  TENANTS["tenant-a"],
  { ...TENANTS["tenant-b"], gateways: [{ via: "10.10.20.1" }, { via: "fd00:20::1" }] },
];
const BOTH = { "tenant-a": A, "tenant-b": B };

const { during, pod } = useFloodedPod(node, "0x10/0xff");

function apply(status = 0): void {
  expect(node.routes("apply", "--sysctl")).toMatchObject({ status, stderr: "" });
}

test.each<readonly [string, object, object]>([
  [
    "two tenants exchange their tables",
    BOTH,
    { "tenant-a": { ...A, table: 200 }, "tenant-b": { ...B, table: 100 } },
  ],
  [
    "a new tenant gets the table of another",
    { "tenant-a": A },
    { "tenant-a": { ...A, table: 300 }, "tenant-b": { ...B, table: 100 } },
  ],
  [
    "the mask of the mark changes",
    BOTH,
    { "tenant-a": { ...A, fwmark: "0x10/0xf0" }, "tenant-b": { ...B, fwmark: "0x20/0xf0" } },
  ],
  ["another tenant goes", BOTH, { "tenant-a": A }],
])("%s: not one packet by another gateway", async (_, before, after) => {
  node.configure(before);
  apply();
  expectOnly(
    "eth1",
    await during(() => {
      node.configure(after);
      apply();
    }),
  );
});

const VPN0 = {
  type: "macvlan",
  parent: "eth1",
  addresses: ["10.10.10.3/24", "fd00:10::3/64"],
};
const BY_VPN0 = {
  ...BOTH,
  "tenant-a": {
    ...A,
    gateways: A.gateways.map(({ via }) => ({ via, dev: "vpn0" })),
  },
};

test("a link is made anew, changed, taken away and made again: not one packet by another gateway", async () => {
  const configure = (links: object): void => node.configure(BY_VPN0, { links });
  configure({ vpn0: VPN0, other: { type: "bridge" } });
  apply();
  expectOnly(
    "eth1",
    await during(() => {
      for (const links of [
        { vpn0: { ...VPN0, mode: "private" } },
        { vpn0: { ...VPN0, mtu: 1400 }, other: { type: "bridge", addresses: ["10.66.0.1/24"] } },
        {
          vpn0: { ...VPN0, mtu: 1400, mac: "02:00:0a:0a:0a:03" },
          vx7: { type: "vxlan", parent: "eth1", id: 7, remotes: ["10.10.10.1"] },
          other: { type: "bridge", ports: ["vx7"] },
        },
        {
          vpn0: { ...VPN0, mtu: 1400, mac: "02:00:0a:0a:0a:03" },
          vx7: { type: "vxlan", parent: "eth1", id: 7, remotes: ["10.10.10.9"] },
          other: { type: "bridge" },
        },
      ]) {
        configure(links);
        apply();
      }
      node.run("ip -6 addr flush dev vpn0 scope link");
      apply();
      configure({});
      apply(1);
      configure({ vpn0: VPN0 });
      apply();
    }),
  );
});

test("where forwarding was off it is on no sooner than the rules stand, and off again before they go", async () => {
  expect(node.get("ipv4/ip_forward")).toBe("0");
  expectOnly(
    "eth1",
    await during(() => {
      for (let round = 0; round < 3; round += 1) {
        apply();
        node.routes("remove");
      }
    }),
  );
});

test("with snat, not one packet with the pod's own address while the gateway moves to another device", async () => {
  for (const device of DEVICES)
    sh(
      "ip",
      "netns",
      "exec",
      node.gateway(device),
      "nft",
      COUNT.replace("count", "own").replaceAll("udp dport 9", "ip saddr 10.88.0.0/16 udp dport 9"),
    );
  node.configure({ "tenant-a": { ...A, snat: "masquerade", gateways: [{ via: "10.10.10.1" }] } });
  apply();
  const seen = await during(() => {
    node.configure({ "tenant-a": { ...A, snat: "masquerade", gateways: [{ via: "10.10.20.1" }] } });
    apply();
  });
  expect(seen.eth1[0]).toBeGreaterThan(50);
  expect(seen.eth2[0]).toBeGreaterThan(50);
  for (const device of DEVICES)
    expect(
      sh("ip", "netns", "exec", node.gateway(device), "nft", "list", "table", "inet", "own"),
    ).toMatch(/counter packets 0 bytes 0\n.*counter packets 0 bytes 0\n/);
});

test("a full disk keeps no rule from coming back and no gateway from being left, and lets nothing begin that only the record could undo", () => {
  const again = `${WRAPPER} routes apply --sysctl --conf ${node.conf}`;
  const change = (from: string, to: string): string => `sed -i 's/${from}/${to}/' ${node.conf}`;
  const printed = node.run(`exec 2>&1
    mkdir -p -m 0700 ${node.dir}/data && mount -t tmpfs -o size=64k,mode=0700 tmpfs ${node.dir}/data && ${again} >/dev/null
    dd if=/dev/zero of=${node.dir}/data/full bs=1k 2>/dev/null; ip rule del pref 32765 fwmark 0x10/0xff lookup 100; ${again}; echo "repair $?"
    ${change("10.10.10.1", "10.10.10.9")}; ${again}; echo "gateway $?"
    ${change('"table":100', '"table":150')}; ${again}; echo "table $?"`);
  const said = printed.replaceAll(/\n {4}(?=\S)/g, " ");
  expect(said).toMatch(
    /changes made:\n {2}ip -4 rule add pref 32765 fwmark 0x10\/0xff lookup 100 [^]*\nrepair 0\n/,
  );
  expect(said).toMatch(
    /changes made:\n {2}ip -4 route replace default via 10\.10\.10\.9 .*\nFAILED: the record of the node routes \S+ cannot be written \(ENOSPC\).*\ngateway 1\n/,
  );
  expect(said).toMatch(
    /^wrapper routes: the record of the node routes \S+ cannot be written \(ENOSPC\).*\ntable 2\n$/m,
  );
  expect(node.way("203.0.113.1", "0x10")).toContain("via 10.10.10.9 dev eth1 table 100");
});

describe("a tenant goes, or gets another mark, while its pod runs", () => {
  const key = { network: "routes", containerId: "c1", ifname: "eth0" };
  const journal = (): ReturnType<typeof createJournal> => createJournal(join(node.dir, "data"));

  beforeEach(() => {
    apply();
    journal().write(attachmentTag(key), {
      format: 1,
      state: "complete",
      key,
      netns: `/run/netns/${pod()}`,
      owner: { pid: 1, startTime: "1" },
      pod: { namespace: "shop", name: "web-0" },
      tenant: "tenant-a",
      mark: { value: 0x10, mask: 0xff },
      addresses: ["10.88.0.3"],
      cniVersion: "1.0.0",
      since: "2026-01-01T00:00:00Z",
    });
  });

  test.each<readonly [string, object]>([
    ["gone", { "tenant-b": B }],
    ["another mark", { "tenant-a": { ...A, fwmark: "0x40/0xff" }, "tenant-b": B }],
    ["no tenant at all", { other: { fwmark: "0x80/0xff" } }],
  ])("%s: its packets stop, and that is told, until the pod has gone", async (_, tenants) => {
    const seen = await during(() => {
      node.configure(tenants);
      const { status, stdout } = node.routes("apply", "--sysctl", "--yes");
      expect([status, stdout]).toEqual([
        1,
        expect.stringMatching(
          /^PROBLEM mark-without-tenant: TR0106 shop\/web-0 still carries mark 0x10\/0xff/m,
        ),
      ]);
    });
    expect(seen).toEqual({ eth0: NONE, eth1: MANY, eth2: NONE });
    // What is local stays local: the node's own address.
    expect(node.way("10.10.10.2", "0x10")).toContain("local 10.10.10.2");
    expect(node.way("10.10.10.1", "0x10")).toContain("dev eth1");
    expect(node.routes("apply", "--sysctl").stdout).toContain("changes made: none");
    journal().remove(attachmentTag(key));
    expect(node.routes("apply", "--sysctl")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("rule del pref 32765 fwmark 0x10/0xff unreachable"),
    });
  });
});
