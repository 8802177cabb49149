import { desiredRoutes, isIn, routedTenants } from "../../../../../lib/routes/plan/desired";
import type { IpRoute, IpRule, NodeState, Planned } from "../../../../../lib/routes/model";
import { routeArguments, ruleArguments } from "../../../../../lib/routes/text";
import { TENANTS, confOf, link, stateOf } from "../node-rig";

const rules = (items: readonly Planned<IpRule>[]): string[] =>
  items.map(({ item }) => `${item.family}: ${ruleArguments(item).join(" ")}`);
const routes = (items: readonly Planned<IpRoute>[]): string[] =>
  items.map(({ item }) => `${item.family}: ${routeArguments(item).join(" ")}`);
const one = (tenant: object): ReturnType<typeof confOf> =>
  confOf({ tenants: { a: { ...TENANTS.a, ...tenant } } });
const ONLY4: Partial<NodeState> = { families: [4] };
const STOP = "4: unreachable default table 100 metric 4294967295 protocol kernel";

test("only tenants with a table are routed", () => {
  expect(
    routedTenants(confOf({ tenants: { ...TENANTS, c: { fwmark: "0x30" } } })).map(
      ({ name }) => name,
    ),
  ).toEqual(["a", "b"]);
  const empty = desiredRoutes(confOf({ tenants: { c: { fwmark: "0x30" } } }), stateOf());
  expect(empty).toMatchObject({
    rules: [],
    routes: [],
    sysctls: [],
    forward: [],
    translation: [],
    names: undefined,
    gateways: [],
  });
  expect(desiredRoutes(confOf({ tenants: undefined }), stateOf()).rules).toEqual([]);
});

test("rules of each family: exclusions, what main knows exactly, the marks", () => {
  const conf = confOf({
    routes: {
      excludeDestinations: ["10.0.0.0/8", "FD00::/8", "192.0.2.77"],
      tenantPriority: 300,
      localPriority: 200,
      excludePriority: 100,
    },
  });
  expect(rules(desiredRoutes(conf, stateOf()).rules)).toEqual([
    "4: pref 100 to 10.0.0.0/8 lookup main protocol kernel",
    "4: pref 100 to 192.0.2.77 lookup main protocol kernel",
    "4: pref 200 lookup main suppress_prefixlength 0 protocol kernel",
    "4: pref 300 fwmark 0x10/0xff lookup 100 protocol kernel",
    "4: pref 300 fwmark 0x10/0xff unreachable protocol kernel",
    "4: pref 300 fwmark 0x20/0xff lookup 200 protocol kernel",
    "4: pref 300 fwmark 0x20/0xff unreachable protocol kernel",
    "6: pref 100 to fd00::/8 lookup main protocol kernel",
    "6: pref 200 lookup main suppress_prefixlength 0 protocol kernel",
    "6: pref 300 fwmark 0x10/0xff lookup 100 protocol kernel",
    "6: pref 300 fwmark 0x10/0xff unreachable protocol kernel",
    "6: pref 300 fwmark 0x20/0xff lookup 200 protocol kernel",
    "6: pref 300 fwmark 0x20/0xff unreachable protocol kernel",
  ]);
});

describe("rules for address pools that are a tenant's alone", () => {
  const patch = (...subnets: string[]): object => ({
    delegate: { ipam: { ranges: subnets.map((subnet) => [{ subnet }]) } },
  });
  const pooled = (tenant: object, changes: object = {}): string[] =>
    rules(
      desiredRoutes(
        confOf({
          delegate: { type: "ptp", ipam: { subnet: "10.88.0.0/16" } },
          tenants: {
            a: { ...TENANTS.a, ...tenant },
            b: { ...TENANTS.b, fwmark: "0x200/0xf00", ...patch("10.67.0.0/24") },
          },
          ...changes,
        }),
        stateOf(),
      ).rules,
    ).filter((text) => text.includes(" from "));
  const OF_A = [
    "4: pref 32765 from 10.66.0.0/24 fwmark 0x0/0xfff lookup 100 protocol kernel",
    "4: pref 32765 from 10.66.0.0/24 fwmark 0x0/0xfff unreachable protocol kernel",
    "6: pref 32765 from fd00:66::/64 fwmark 0x0/0xfff lookup 100 protocol kernel",
    "6: pref 32765 from fd00:66::/64 fwmark 0x0/0xfff unreachable protocol kernel",
  ];
  const A = patch("10.66.0.0/24", "fd00:66::/64");

  test("on: packets without any tenant's mark take its table, and are stopped with it", () => {
    expect(pooled({ ...A, poolRule: "on" })).toEqual(OF_A);
    expect(pooled({ ...A, poolRule: "on", onGatewayLoss: "fallback" })).toEqual([
      OF_A[0],
      ...OF_A.slice(2),
    ]);
  });

  test("auto: where replies carry the mark, too, and so leave by the tenant's gateway anyway", () => {
    expect(pooled(A)).toEqual([]);
    const all = pooled(A, { markReplies: true });
    expect(all.filter((text) => !text.includes("10.67.0.0/24"))).toEqual(OF_A);
    expect(all).toHaveLength(6);
    expect(pooled({ ...A, poolRule: "off" }, { markReplies: true })).toHaveLength(2);
  });

  test("none for a pool that others have too", () => {
    expect(pooled({ ...patch("10.88.3.0/24") }, { markReplies: true })).toHaveLength(2);
  });
});

test("by default all of them are just above main's 32766", () => {
  expect([
    ...new Set(desiredRoutes(confOf(), stateOf()).rules.map(({ item }) => item.priority)),
  ]).toEqual([32763, 32764, 32765]);
});

test("a table has its gateways and a stop behind them; a family without any gateway is closed", () => {
  expect(routes(desiredRoutes(one({}), stateOf()).routes)).toEqual([
    STOP,
    "4: default via 192.0.2.1 dev eth1 table 100 protocol kernel",
    STOP.replace("4:", "6:"),
  ]);
});

test("several gateways share by weight, those that cannot be used are left out", () => {
  const gateways = [{ via: "192.0.2.1", weight: 3 }, { via: "192.0.2.2" }, { via: "203.0.113.1" }];
  const wanted = routes(desiredRoutes(one({ gateways, mtu: 1400 }), stateOf(ONLY4)).routes);
  expect(wanted).toEqual([
    STOP,
    "4: default table 100 protocol kernel mtu 1400 nexthop via 192.0.2.1 dev eth1 weight 3 nexthop via 192.0.2.2 dev eth1 weight 1",
  ]);
});

test("no usable gateway: stop, or the node's default route if the tenant says so", () => {
  const down = stateOf({ ...ONLY4, links: [link("eth1", "192.0.2.9", { up: false })] });
  expect(routes(desiredRoutes(one({}), down).routes)).toEqual([STOP]);
  expect(routes(desiredRoutes(one({ onGatewayLoss: "fallback" }), down).routes)).toEqual([]);
  expect(
    routes(
      desiredRoutes(
        one({ onGatewayLoss: "fallback", gateways: [{ via: "fe80::1", dev: "eth1" }] }),
        down,
      ).routes,
    ),
  ).toEqual([STOP]);
});

test("IPv6 routes have the kernel's default metric", () => {
  const wanted = desiredRoutes(
    one({ gateways: [{ via: "fe80::1", dev: "eth1" }] }),
    stateOf({ families: [6] }),
  ).routes;
  expect(wanted.map(({ item }) => item.metric)).toEqual([4294967295, 1024]);
});

test("behind a lookup of a table that may be flushed is a rule that stops; not for a tenant that falls back, but in a family without any gateway", () => {
  const stops = (tenant: object): string[] =>
    rules(desiredRoutes(one(tenant), stateOf()).rules).filter((text) =>
      text.includes("unreachable"),
    );
  expect(stops({})).toEqual([
    "4: pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
    "6: pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
  ]);
  expect(stops({ onGatewayLoss: "fallback" })).toEqual([
    "6: pref 32765 fwmark 0x10/0xff unreachable protocol kernel",
  ]);
});

describe("an address that shows whether the gateway works", () => {
  const gateways = [
    { via: "192.0.2.1", check: "203.0.113.9" },
    { via: "192.0.2.2", check: "192.0.2.2" },
  ];
  const CHECK = "4: 203.0.113.9 via 192.0.2.1 dev eth1 table 100 protocol kernel";

  test("is reached through it alone, also while it is out", () => {
    expect(routes(desiredRoutes(one({ gateways }), stateOf(ONLY4)).routes)).toContain(CHECK);
    const out = routes(desiredRoutes(one({ gateways }), stateOf(ONLY4), () => false).routes);
    expect(out).toEqual([STOP, CHECK]);
  });

  test("has no route where its device is down or unknown", () => {
    const down = stateOf({ ...ONLY4, links: [link("eth1", "192.0.2.9", { up: false })] });
    expect(routes(desiredRoutes(one({ gateways }), down).routes)).toEqual([STOP]);
    expect(
      routes(
        desiredRoutes(
          one({ gateways: [{ via: "203.0.113.1", check: "203.0.113.9" }] }),
          stateOf(ONLY4),
        ).routes,
      ),
    ).toEqual([STOP]);
  });

  test("of a gateway without an address is reached by its device", () => {
    const wanted = routes(
      desiredRoutes(one({ gateways: [{ dev: "eth1", check: "203.0.113.9" }] }), stateOf(ONLY4))
        .routes,
    );
    expect(wanted).toEqual([
      STOP,
      "4: default dev eth1 table 100 protocol kernel",
      "4: 203.0.113.9 dev eth1 table 100 protocol kernel",
    ]);
  });
});

test("routes to the other nodes' pods are in main, without a tenant", () => {
  const nodeRoutes = [
    { dst: "10.201.5.9/16", via: "198.51.100.7" },
    { dst: "FD00:201::/48", via: "FD00::7", dev: "eth0" },
  ];
  const wanted = desiredRoutes(
    confOf({ tenants: { a: { fwmark: "0x10" } }, routes: { nodeRoutes } }),
    stateOf(),
  ).routes;
  expect(routes(wanted)).toEqual([
    "4: 10.201.0.0/16 via 198.51.100.7 table main protocol kernel",
    "6: fd00:201::/48 via fd00::7 dev eth0 table main protocol kernel",
  ]);
  expect(wanted.map(({ tenant }) => tenant)).toEqual([undefined, undefined]);
});

test("forwarding from and to the pod networks is accepted, in the families that the node has", () => {
  const conf = confOf({
    routes: { acceptForward: true, podNetworks: ["10.200.1.1/16", "fd00:200::/48"] },
  });
  const comment = '-m comment --comment "tenant-routing routes" -j ACCEPT';
  expect(desiredRoutes(conf, stateOf(ONLY4)).forward.map(({ item }) => item)).toEqual([
    { family: 4, spec: `-s 10.200.0.0/16 ${comment}` },
    { family: 4, spec: `-d 10.200.0.0/16 ${comment}` },
  ]);
  expect(desiredRoutes(conf, stateOf()).forward).toHaveLength(4);
});

test("names are written where the configuration says", () => {
  expect(desiredRoutes(confOf({ routes: { namesDir: "/x" } }), stateOf()).names?.path).toBe(
    "/x/tenant-routing.conf",
  );
  expect(desiredRoutes(confOf({ routes: { namesDir: "" } }), stateOf()).names).toBeUndefined();
});

test("an address is in a network", () => {
  expect([
    isIn("10.0.0.0/8", "10.1.2.3"),
    isIn("10.0.0.0/8", "11.1.2.3"),
    isIn("default", "11.1.2.3"),
    isIn("default", "fd00::1"),
    isIn("x", "fd00::1"),
    isIn("fd00::/8", "10.1.2.3"),
  ]).toEqual([true, false, true, true, false, false]);
});
