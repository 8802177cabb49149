/** `wrapper routes` and networks with gateways of their own: `routes` of a tenant. */
import { INTERNET, INTERNET6, TENANTS, unwrapped, useRoutesNode } from "../helpers/routes-node";

const node = useRoutesNode();
const A = TENANTS["tenant-a"];
const TO = ["203.0.113.0/24", "2001:db8::/32"];
const BY_ETH2 = [{ via: "10.10.20.1" }, { via: "fd00:20::1" }];
const ELSEWHERE = ["198.51.100.7", "2a00::1"];
const CLOSED = /unreachable|No route to host/;

const tenant = (entry: object, change: object = {}): object => ({
  "tenant-a": { ...A, routes: [{ to: TO, gateways: BY_ETH2, ...entry }], ...change },
});

function ways(...destinations: readonly string[]): readonly string[] {
  return destinations.map((destination) => node.way(destination, "0x10"));
}

function expectWays(destinations: readonly string[], ...words: readonly (string | RegExp)[]): void {
  for (const [i, way] of ways(...destinations).entries()) expect(way).toMatch(words[i] ?? "");
}

/** The device as it was, with the IPv6 address that the kernel drops when it goes down. */
function back(device: string, net: string): void {
  node.ip("link", "set", device, "up");
  node.ip("addr", "add", `${net}::2/64`, "dev", device, "nodad");
}

test("networks of both families leave by their gateways, everything else by the tenant's; twice changes nothing, and remove restores all", () => {
  const before = node.snapshot();
  node.configure(tenant({}));
  const planned = node.routes("plan");
  expect(unwrapped(planned.stdout)).toMatch(
    /^ {2}to 203\.0\.113\.0\/24 and 1 more +10\.10\.20\.1%eth2, else stop +fd00:20::1%eth2, else stop$/m,
  );
  expect(node.snapshot()).toBe(before);
  expect(node.routes("apply", "--sysctl")).toMatchObject({ status: 0, stderr: "" });
  expectWays([INTERNET, INTERNET6], "via 10.10.20.1 dev eth2", "via fd00:20::1 dev eth2");
  expectWays(ELSEWHERE, "via 10.10.10.1 dev eth1", "via fd00:10::1 dev eth1");
  expect(node.way(INTERNET, "0")).toContain("via 10.0.0.1");
  expect(node.routes("apply", "--sysctl").stdout).toContain("changes made: none");
  expect(JSON.parse(node.routes("show", "-o", "json").stdout)).toMatchObject({
    tenants: [
      {
        gateways: [{ via: "10.10.10.1" }, { via: "fd00:10::1" }],
        routes: [{ to: TO, onGatewayLoss: "stop", gateways: BY_ETH2 }],
      },
    ],
  });
  expect(node.routes("remove").status).toBe(0);
  expect(node.snapshot()).toBe(before);
});

test("the longest prefix wins, and a gateway may be inside its own network", () => {
  const routes = [
    { to: ["203.0.113.0/24"], gateways: [{ via: "10.10.20.1" }] },
    { to: ["203.0.0.0/16", "10.0.0.0/8"], gateways: [{ via: "10.0.0.1" }] },
    { to: ["203.0.113.77"], gateways: [{ dev: "eth1", via: "10.10.10.1" }] },
  ];
  node.configure(tenant({}, { routes }));
  expect(node.routes("apply", "--sysctl").status).toBe(0);
  expectWays(
    [INTERNET, "203.0.1.1", "203.0.113.77", "10.99.0.1"],
    "via 10.10.20.1",
    "via 10.0.0.1",
    "via 10.10.10.1",
    "via 10.0.0.1",
  );
  // What the main table knows exactly comes first, as ever.
  expect(node.way("10.10.20.9", "0x10")).toContain("10.10.20.9 dev eth2");
  expect(node.routes("apply", "--sysctl").stdout).toContain("changes made: none");
});

describe("when the device to its gateways goes down", () => {
  test("stop: nobody gets these packets, everything else goes on", () => {
    node.configure(tenant({}));
    node.routes("apply", "--sysctl");
    node.ip("link", "set", "eth2", "down");
    expectWays([INTERNET, INTERNET6], CLOSED, CLOSED);
    expectWays(ELSEWHERE, "via 10.10.10.1", "via fd00:10::1");
    const { status, stdout } = node.routes("apply");
    expect(status).toBe(1);
    expect(unwrapped(stdout)).toMatch(
      /^PROBLEM gateway-off-link .*gateway 10\.10\.20\.1 of tenant tenant-a to 203\.0\.113\.0\/24, 2001:db8::\/32 is left out/m,
    );
    expectWays([INTERNET, INTERNET6], CLOSED, CLOSED);
    back("eth2", "fd00:20");
    expect(node.routes("apply", "--sysctl").status).toBe(0);
    expectWays([INTERNET, INTERNET6], "via 10.10.20.1", "via fd00:20::1");
  });

  test("fallback: the tenant's own gateways, at once; and never the node's default route", () => {
    node.configure(tenant({ onGatewayLoss: "fallback" }, { onGatewayLoss: "fallback" }));
    node.routes("apply", "--sysctl");
    node.ip("link", "set", "eth2", "down");
    expectWays([INTERNET, INTERNET6], "via 10.10.10.1", "via fd00:10::1");
    expect(node.routes("apply").status).toBe(1);
    expectWays([INTERNET, INTERNET6], "via 10.10.10.1", "via fd00:10::1");
    node.ip("link", "set", "eth1", "down");
    expectWays([INTERNET, INTERNET6], CLOSED, CLOSED);
    expectWays(ELSEWHERE, "via 10.0.0.1", "via fd00:1::1");
    expect(node.routes("apply").status).toBe(1);
    expectWays([INTERNET, INTERNET6], CLOSED, CLOSED);
    node.run("ip route flush table 100; ip -6 route flush table 100");
    expectWays([INTERNET, INTERNET6], CLOSED, CLOSED);
    back("eth2", "fd00:20");
    expect(node.routes("apply").status).toBe(1);
    expectWays([INTERNET, INTERNET6], "via 10.10.20.1", "via fd00:20::1");
  });
});

test("a tenant without gateways of its own reaches its networks, and nothing else", () => {
  node.configure(tenant({}, { gateways: undefined }));
  const { status, stdout } = node.routes("apply", "--sysctl");
  expect(status).toBe(0);
  expect(unwrapped(stdout)).toContain(
    "its packets beyond the cluster, but for those to the networks of its routes, are stopped",
  );
  expectWays([INTERNET, INTERNET6], "via 10.10.20.1", "via fd00:20::1");
  expectWays(ELSEWHERE, CLOSED, CLOSED);
});

test("a foreign route to such a network is a collision, and remove puts it back", () => {
  const foreign = ["route", "add", "203.0.113.0/24", "via", "10.0.0.1", "table", "100"];
  node.ip(...foreign);
  const before = node.snapshot();
  node.configure(tenant({}));
  const { status, stdout } = node.routes("apply");
  expect(status).toBe(3);
  expect(unwrapped(stdout)).toContain("table 100 of tenant tenant-a has foreign routes");
  expect(node.snapshot()).toBe(before);
  expect(node.routes("apply", "--force", "--sysctl").status).toBe(0);
  expectWays([INTERNET], "via 10.10.20.1");
  node.routes("remove");
  expect(node.snapshot()).toBe(before);
});
