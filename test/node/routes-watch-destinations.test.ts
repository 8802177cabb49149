/** `wrapper routes watch` and networks with gateways of their own: a silent gateway, and its return. */
import { INTERNET, TENANTS, useRoutesNode } from "../helpers/routes-node";
import { useWatchers } from "../helpers/routes-watch";
import { sh } from "../helpers/shell";

const watchers = useWatchers(() => node);
const node = useRoutesNode();

test("a silent gateway of a network is lost there alone; the packets stop, or take the tenant's own, as the entry says", async () => {
  const gateways = [{ via: "10.10.20.1" }];
  const routes = [
    { to: ["203.0.113.0/24"], gateways, onGatewayLoss: "fallback" },
    { to: ["198.51.100.0/24"], gateways },
  ];
  node.configure({ "tenant-a": { ...TENANTS["tenant-a"], routes } }, watchers.settings());
  const watching = await watchers.start({ args: ["--sysctl"] });
  const lan = (arp: "on" | "off"): string =>
    sh("ip", "-n", node.gateway("eth2"), "link", "set", "lan", "arp", arp);
  const way = (to: string): string => node.way(to, "0x10");
  expect([way(INTERNET), way("198.51.100.1")]).toEqual([
    expect.stringContaining("via 10.10.20.1"),
    expect.stringContaining("via 10.10.20.1"),
  ]);
  lan("off");
  await watching.says("its packets there go by the tenant's 10.10.10.1 dev eth1 now");
  await watching.says("tenant-a to 198.51.100.0/24: gateway 10.10.20.1 dev eth2 lost");
  await watching.reaches("tenant-a", "degraded");
  expect(watching.status().tenants[0]).toMatchObject({
    gateways: [{ state: "up" }, { state: "up" }],
    routes: [{ state: "fallback" }, { state: "stopped", gateways: [{ state: "down" }] }],
  });
  expect(way(INTERNET)).toContain("via 10.10.10.1");
  expect(way("198.51.100.1")).toMatch(/unreachable|No route to host/);
  expect(way("192.0.2.200")).toContain("via 10.10.10.1");
  lan("on");
  await watching.reaches("tenant-a", "ok");
  expect([way(INTERNET), way("198.51.100.1")]).toEqual([
    expect.stringContaining("via 10.10.20.1"),
    expect.stringContaining("via 10.10.20.1"),
  ]);
  expect(watching.status().repairs).toBe(0);
});
