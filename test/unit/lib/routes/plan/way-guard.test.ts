import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import { tableText } from "../../../../../lib/routes/plan/nft-table";
import {
  guardedWays,
  isStopped,
  type Leaving,
  wayChains,
} from "../../../../../lib/routes/plan/way-guard";
import type { IpRoute, NodeState, RetiredMark } from "../../../../../lib/routes/model";
import { confOf, connected, KERNEL_RULES, route, rule, stateOf, TENANTS } from "../node-rig";

const guard = (
  changes: object = {},
  state: Partial<NodeState> = {},
  retired: readonly RetiredMark[] = [],
): readonly string[] => {
  const [conf, node] = [
    confOf({ routes: { excludeDestinations: [] }, ...changes } as never),
    stateOf({ families: [4], ...state }),
  ];
  return wayChains(guardedWays(conf, node, desiredRoutes(conf, node, undefined, retired)))
    .map((line) => line.trim())
    .filter((line) => !line.startsWith("counter "));
};
const HOOK = "type filter hook forward priority mangle - 10; policy accept;";
const DROPS = [
  'meta mark & 0xff == 0x10 counter name "stopped_10_ff" drop comment "a"',
  'meta mark & 0xff == 0x20 counter name "stopped_20_ff" drop comment "b"',
];
const WAY = 'meta nfproto ipv4 oifname "eth0" rt ip nexthop 198.51.100.1 jump way0';

test("what takes the default route's gateway is looked at, and a tenant's packets are dropped", () => {
  expect(guard()).toEqual([
    "chain forward {",
    HOOK,
    WAY,
    "}",
    "chain way0 {",
    "ip daddr { 198.51.100.1/32 } return",
    ...DROPS,
    "}",
  ]);
});

test("it is a part of our one table, beside the translation", () => {
  const conf = confOf({ tenants: { a: { ...TENANTS.a, snat: "none" } } });
  const plan = desiredRoutes(conf, stateOf());
  const ways = guardedWays(conf, stateOf(), plan);
  expect(tableText({ translation: [], ways })).toMatch(
    /^table inet tenant-routing \{\n {2}counter stopped_10_ff \{ \}\n {2}chain forward \{\n[^]*\n {2}\}\n\}\n$/,
  );
  expect(tableText({ ...plan, ways })).toMatch(
    /^table inet tenant-routing \{\n {2}chain postrouting \{\n[^]*\n {2}\}\n {2}counter stopped_10_ff \{ \}\n {2}chain forward \{\n/,
  );
});

test("where the main table leads the same way, and what is excluded or led elsewhere before, may go", () => {
  const routes = [
    route("default"),
    route("10.1.0.0/16"),
    route("10.1.2.0/24"),
    route("10.0.0.0/8", { nexthops: [{ via: "198.51.100.9", dev: "eth0", weight: 1 }] }),
    route("192.0.2.8/29", { table: 77 }),
    connected("198.51.100.0/24", "eth0"),
  ];
  const rules = [...KERNEL_RULES, rule(100, { to: "172.16.0.0/12", table: 77 })];
  const excludeDestinations = ["203.0.113.0/24", "2001:db8::/32"];
  expect(guard({ routes: { excludeDestinations } }, { routes, rules })[5]).toBe(
    "ip daddr { 172.16.0.0/12, 10.1.0.0/16, 203.0.113.0/24, 198.51.100.1/32 } return",
  );
});

test("a default route by a device alone: the networks of that device may go", () => {
  const ppp = { dev: "ppp0", weight: 1 };
  const routes = [route("default", { nexthops: [ppp] }), connected("10.9.0.0/24", "ppp0")];
  expect(guard({}, { routes }).slice(2, 6)).toEqual([
    'meta nfproto ipv4 oifname "ppp0" jump way0',
    "}",
    "chain way0 {",
    "ip daddr { 10.9.0.0/24 } return",
  ]);
  expect(guard({}, { routes: [route("default", { nexthops: [ppp] })] }).slice(4)).toEqual([
    "chain way0 {",
    ...DROPS,
    "}",
  ]);
});

test("several gateways, each once, in an order of its own; the gateway of another family is not compared", () => {
  const by = (via: string, dev: string): object => ({ nexthops: [{ via, dev, weight: 1 }] });
  const routes = [
    route("default", by("192.0.2.77", "eth2")),
    route("default", by("fe80::1", "eth1")),
    route("default", { ...by("192.0.2.77", "eth2"), table: 253 }),
    route("default", { ...by("192.0.2.78", "eth2"), table: 77 }),
    route("default", { type: "unreachable", nexthops: [] }),
    route("default", { nexthops: [{ weight: 1 }] }),
  ];
  expect(guard({}, { routes }).slice(1, 5)).toEqual([
    HOOK,
    'meta nfproto ipv4 oifname "eth1" jump way0',
    'meta nfproto ipv4 oifname "eth2" rt ip nexthop 192.0.2.77 jump way1',
    "}",
  ]);
});

test("whoever may take that way: a tenant whose gateway it is, or that falls back to it", () => {
  const gateways = [{ via: "198.51.100.1", dev: "eth0" }];
  expect(guard({ tenants: { a: { ...TENANTS.a, gateways }, b: TENANTS.b } })).not.toContain(
    DROPS[0],
  );
  const fallback = { ...TENANTS.a, onGatewayLoss: "fallback" };
  expect(guard({ tenants: { a: fallback, b: TENANTS.b } })).toContain(DROPS[1]);
  expect(guard({ tenants: { a: fallback } })).toEqual([]);
  expect(guard({ tenants: { a: { fwmark: "0x10/0xff" } } })).toEqual([]);
});

test("pods of a tenant that is gone are stopped as well", () => {
  const mark = { value: 0x30, mask: 0xff };
  expect(guard({ tenants: undefined }, {}, [{ mark, stop: mark, pods: [] }])).toContain(
    'meta mark & 0xff == 0x30 counter name "stopped_30_ff" drop comment "a tenant that is gone"',
  );
});

test("a node with a great many networks behind its default gateway is left without it", () => {
  const many = Array.from({ length: 2001 }, (_, n) => route(`10.${n >> 8}.${n & 255}.0/24`));
  expect(guard({}, { routes: [route("default"), ...many] })).toEqual([]);
});

test("whom the guard drops where the kernel sends it", () => {
  const by = (via: string, dev: string): IpRoute["nexthops"] => [{ via, dev, weight: 1 }];
  const routes = [
    route("default"),
    route("10.1.0.0/16"),
    route("default", { nexthops: by("fe80::1", "eth3") }),
  ];
  const [conf, state] = [confOf(), stateOf({ families: [4], routes })];
  const ways = guardedWays(conf, state, desiredRoutes(conf, state));
  const leaving = (change: Partial<Leaving> = {}): boolean =>
    isStopped(ways, {
      family: 4,
      via: "198.51.100.1",
      dev: "eth0",
      destination: "203.0.113.80",
      mark: 0x510,
      ...change,
    });
  expect(leaving()).toBe(true);
  expect(leaving({ via: undefined, dev: "eth3" })).toBe(true);
  expect([
    leaving({ mark: 0x530 }),
    leaving({ family: 6 }),
    leaving({ via: "198.51.100.9" }),
    leaving({ dev: "eth1" }),
    leaving({ via: undefined, destination: "198.51.100.77" }),
    leaving({ via: undefined, destination: "198.51.100.1" }),
    leaving({ destination: "10.1.2.3" }),
    leaving({ destination: "no address" }),
  ]).toEqual(Array(8).fill(false));
});
