/** `wrapper routes apply` and the gateways of the tenants: lost, refused, several, none. */
import { TENANTS, useRoutesNode } from "../helpers/routes-node";

const node = useRoutesNode();
const [A, B] = [TENANTS["tenant-a"], TENANTS["tenant-b"]];
const CLOSED = /unreachable|No route to host/;

describe("a gateway that cannot be used stops its tenant; the others work, the status is 1", () => {
  test.each<readonly [string, object, string, () => void]>([
    [
      "its device is missing",
      { ...A, gateways: [{ via: "10.10.10.1", dev: "eth9" }] },
      "device-missing",
      () => undefined,
    ],
    [
      "its device is down",
      { ...A, gateways: [{ via: "10.10.10.1", dev: "eth1" }] },
      "device-down",
      () => node.ip("link", "set", "eth1", "down"),
    ],
    [
      "it is the node itself",
      { ...A, gateways: [{ via: "10.10.10.2" }] },
      "gateway-own-address",
      () => undefined,
    ],
    [
      "it is on no network of the node",
      { ...A, gateways: [{ via: "198.51.100.9" }] },
      "gateway-off-link",
      () => undefined,
    ],
    [
      "it is on another network than its device",
      { ...A, gateways: [{ via: "10.10.20.9", dev: "eth1" }] },
      "gateway-off-link",
      () => undefined,
    ],
  ])("%s", (_, tenant, kind, damage) => {
    damage();
    node.configure({ "tenant-a": tenant, "tenant-b": B });
    const { status, stdout } = node.routes("apply", "--sysctl");
    expect([status, stdout]).toEqual([
      1,
      expect.stringMatching(new RegExp(`^PROBLEM ${kind} \\(tenant tenant-a\\): \\S`, "m")),
    ]);
    expect(node.way("203.0.113.1", "0x10")).toMatch(CLOSED);
    expect(node.way("203.0.113.1", "0x20")).toContain("via 10.10.20.1");
    expect(node.routes("apply", "--sysctl")).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("changes made: none"),
    });
  });

  test("while it is down, and until apply is run again; then all is well", () => {
    node.routes("apply", "--sysctl");
    node.ip("link", "set", "eth1", "down");
    expect(node.way("203.0.113.1", "0x10")).toMatch(CLOSED);
    expect(node.routes("show")).toMatchObject({
      status: 1,
      stdout: expect.stringContaining("gateway-off-link"),
    });
    node.ip("link", "set", "eth1", "up");
    expect(node.way("203.0.113.1", "0x10")).toMatch(CLOSED);
    expect(node.routes("apply")).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/fd00:10::1/),
    });
    // The kernel has dropped the IPv6 address with the link.
    node.ip("addr", "add", "fd00:10::2/64", "dev", "eth1", "nodad");
    expect(node.routes("apply", "--sysctl").status).toBe(0);
    expect(node.way("203.0.113.1", "0x10")).toContain("via 10.10.10.1");
  });

  test("its new gateway is refused by the kernel: the old one is not used any more", () => {
    node.routes("apply", "--sysctl");
    // A broadcast address is on its network, and no gateway.
    node.configure({ "tenant-a": { ...A, gateways: [{ via: "10.10.10.255" }] }, "tenant-b": B });
    expect(node.routes("apply", "--sysctl")).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^FAILED: .*10\.10\.10\.255/m),
    });
    expect(node.way("203.0.113.1", "0x10")).toMatch(CLOSED);
    expect(node.way("203.0.113.1", "0x20")).toContain("via 10.10.20.1");
  });
});

test("fallback: without a gateway, by the node's default route; a family without any stays closed", () => {
  node.configure({ "tenant-b": { ...B, onGatewayLoss: "fallback" } });
  node.routes("apply", "--sysctl");
  node.ip("link", "set", "eth2", "down");
  expect(node.way("203.0.113.1", "0x20")).toContain("via 10.0.0.1");
  expect(node.way("2001:db8::1", "0x20")).toMatch(CLOSED);
  expect(node.routes("apply", "--sysctl").status).toBe(1);
  expect(node.way("203.0.113.1", "0x20")).toContain("via 10.0.0.1");
});

test("several gateways share by weight in both families, and a tenant's MTU is on its routes", () => {
  const gateways = [
    { via: "10.10.10.1", weight: 3 },
    { via: "10.10.20.1" },
    { via: "fd00:10::1", weight: 2 },
    { via: "fd00:20::1", dev: "eth2" },
  ];
  node.configure({ "tenant-a": { ...A, mtu: 1380, gateways } });
  expect(node.routes("apply", "--sysctl")).toMatchObject({ status: 0 });
  expect(node.ip("route", "show", "table", "100")).toMatch(
    /^default proto kernel mtu 1380 \n\tnexthop via 10\.10\.10\.1 dev eth1 weight 3 \n\tnexthop via 10\.10\.20\.1 dev eth2 weight 1 $/m,
  );
  const six = node.ip("-6", "route", "show", "table", "100");
  expect(six).toMatch(/^default proto kernel metric 1024 mtu 1380 pref medium/m);
  expect(six).toMatch(/nexthop via fd00:10::1 dev eth1 weight 2/);
  expect(six).toMatch(/nexthop via fd00:20::1 dev eth2 weight 1/);
  expect(node.routes("apply").stdout).toContain("changes made: none");
  // One of them goes: the other carries on alone, and no weight is left behind.
  node.ip("link", "set", "eth1", "down");
  expect(node.routes("apply").status).toBe(1);
  expect(node.ip("-6", "route", "show", "table", "100")).toMatch(
    /^default via fd00:20::1 dev eth2 proto kernel metric 1024 mtu 1380/m,
  );
  expect(node.way("203.0.113.1", "0x10")).toContain("via 10.10.20.1");
});

test("excluded destinations and the other nodes' pods go by the main table", () => {
  const [main, excluded] = [
    { dst: "10.89.0.0/16", via: "10.0.0.7" },
    ["198.51.100.0/24", "2001:db8:99::/64"],
  ];
  node.configure(TENANTS, {
    nodeRoutes: [main, { dst: "fd00:89::/64", via: "fd00:1::7", dev: "eth0" }],
    excludeDestinations: excluded,
  });
  node.routes("apply", "--sysctl");
  const ways = ["198.51.100.7", "2001:db8:99::7", "10.89.3.4", "fd00:89::4", "198.51.101.7"].map(
    (to) => / via (\S+)/.exec(node.way(to, "0x10"))?.[1],
  );
  expect(ways).toEqual(["10.0.0.1", "fd00:1::1", "10.0.0.7", "fd00:1::7", "10.10.10.1"]);
});
