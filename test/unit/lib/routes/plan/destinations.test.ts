/** Networks with gateways of their own, in a tenant's table. */
import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import { gatewayKey } from "../../../../../lib/routes/plan/gateways";
import type { Planned, ResolvedGateway, RoutesPlan } from "../../../../../lib/routes/model";
import { routeArguments, ruleArguments } from "../../../../../lib/routes/text";
import { confOf, connected, link, stateOf, TENANTS } from "../node-rig";

const STATE = stateOf({
  routes: [
    connected("192.0.2.0/24", "eth1"),
    connected("198.51.100.0/24", "eth2"),
    connected("fd00:2::/64", "eth2"),
  ],
  links: [link("eth1", "192.0.2.9"), link("eth2", "198.51.100.9")],
});
const END = "table 100 protocol kernel";
const STOPPED = "table 100 metric 4294967295 protocol kernel";
const entry = (change: object = {}): object => ({
  to: ["203.0.113.0/24"],
  gateways: [{ via: "198.51.100.1" }],
  ...change,
});

function planOf(tenant: object, lost: readonly string[] = []): RoutesPlan {
  const conf = confOf({ tenants: { a: { ...TENANTS.a, ...tenant } as never } });
  const isUp = ({ via = "" }: ResolvedGateway): boolean => !lost.includes(via);
  return desiredRoutes(conf, STATE, isUp);
}

/** The routes to networks, without `default` of either family. */
function networks(tenant: object, lost: readonly string[] = []): readonly string[] {
  const isNetwork = ({ item }: Planned<{ readonly dst: string }>): boolean =>
    item.dst !== "default";
  return planOf(tenant, lost)
    .routes.filter(isNetwork)
    .map(({ item }) => `${item.family}: ${routeArguments(item).join(" ")}`);
}

test("a network has its gateways, and a stop behind them", () => {
  expect(networks({ routes: [entry()] })).toEqual([
    `4: unreachable 203.0.113.0/24 ${STOPPED}`,
    `4: 203.0.113.0/24 via 198.51.100.1 dev eth2 ${END}`,
  ]);
  expect(networks({ routes: [entry()] }, ["198.51.100.1"])).toEqual([
    `4: unreachable 203.0.113.0/24 ${STOPPED}`,
  ]);
});

test("with fallback the tenant's own gateways are in between, and none of the node's", () => {
  const fallback = { routes: [entry({ onGatewayLoss: "fallback" })] };
  const all = [
    `4: unreachable 203.0.113.0/24 ${STOPPED}`,
    "4: 203.0.113.0/24 via 192.0.2.1 dev eth1 table 100 metric 2048 protocol kernel",
    `4: 203.0.113.0/24 via 198.51.100.1 dev eth2 ${END}`,
  ];
  expect(networks(fallback)).toEqual(all);
  expect(networks(fallback, ["198.51.100.1"])).toEqual(all.slice(0, 2));
  expect(
    networks({ ...fallback, onGatewayLoss: "fallback" }, ["198.51.100.1", "192.0.2.1"]),
  ).toEqual(all.slice(0, 1));
});

test("both families, several networks, weights, and the MTU of the entry or of the tenant", () => {
  const gateways = [
    { via: "198.51.100.1", weight: 3 },
    { via: "198.51.100.2" },
    { via: "FD00:2::1" },
  ];
  const to = ["203.0.113.0/24", "203.0.113.77", "2001:DB8:5::/48"];
  const by4 =
    "nexthop via 198.51.100.1 dev eth2 weight 3 nexthop via 198.51.100.2 dev eth2 weight 1";
  expect(
    networks({ mtu: 1400, routes: [entry({ to, gateways, mtu: 1300 })] }).filter(
      (text) => !text.includes("unreachable"),
    ),
  ).toEqual([
    `4: 203.0.113.0/24 ${END} mtu 1300 ${by4}`,
    `4: 203.0.113.77 ${END} mtu 1300 ${by4}`,
    "6: 2001:db8:5::/48 via fd00:2::1 dev eth2 table 100 protocol kernel mtu 1300",
  ]);
  expect(networks({ mtu: 1400, routes: [entry()] })[1]).toContain("mtu 1400");
});

test("a device alone leads to the families of its networks, whatever addresses it has", () => {
  const six = { routes: [entry({ to: ["2001:db8:5::/48"], gateways: [{ dev: "eth1" }] })] };
  expect(networks(six)).toContain("6: 2001:db8:5::/48 dev eth1 table 100 protocol kernel");
  expect(planOf(six).gateways.map(({ family, to }) => [family, to])).toEqual([
    [4, undefined],
    [6, "2001:db8:5::/48"],
  ]);
});

test("a gateway of several ways is one: one key, one route to its check, lost in all of them", () => {
  const gateway = { via: "192.0.2.1", dev: "eth1", check: "9.9.9.9" };
  const shared = {
    gateways: [gateway],
    routes: [entry({ gateways: [gateway, { via: "198.51.100.1" }] })],
  };
  const plan = planOf(shared);
  expect(plan.gateways.map(gatewayKey)).toEqual([
    "a 4 192.0.2.1 eth1",
    "a 4 192.0.2.1 eth1",
    "a 4 198.51.100.1 eth2",
  ]);
  expect(networks(shared).filter((text) => text.includes("9.9.9.9"))).toEqual([
    `4: 9.9.9.9 via 192.0.2.1 dev eth1 ${END}`,
  ]);
  expect(networks(shared, ["192.0.2.1"])).toContain(
    `4: 203.0.113.0/24 via 198.51.100.1 dev eth2 ${END}`,
  );
});

test("where everything else falls back to the node, a stop for the networks stands behind the lookup", () => {
  const rules = (tenant: object): readonly string[] =>
    planOf(tenant)
      .rules.filter(({ item, tenant: whose }) => whose !== undefined && item.family === 4)
      .map(({ item }) => ruleArguments(item).join(" "));
  const lookup = "pref 32765 fwmark 0x10/0xff lookup 100 protocol kernel";
  expect(rules({ routes: [entry()], onGatewayLoss: "fallback" })).toEqual([
    lookup,
    "pref 32765 to 203.0.113.0/24 fwmark 0x10/0xff unreachable protocol kernel",
  ]);
  expect(rules({ routes: [entry()] })).toEqual([
    lookup,
    "pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
  ]);
});

test("the tenant's translation and the kernel's settings are on their devices, too", () => {
  const conf = confOf({
    tenants: { a: { ...TENANTS.a, snat: "masquerade", routes: [entry()] } as never },
  });
  const plan = desiredRoutes(conf, { ...STATE, sysctl: () => "1" });
  expect(plan.translation).toContainEqual(
    expect.stringContaining('oifname "eth2" masquerade comment "a"'),
  );
  expect(plan.sysctls.map(({ item }) => item.path)).toContain("net/ipv4/conf/eth2/rp_filter");
});
