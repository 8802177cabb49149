import {
  ownRuleKey,
  routeKey,
  routePlace,
  ruleKey,
  satisfies,
} from "../../../../../lib/routes/changes/identity";
import { route, rule } from "../node-rig";

test("rules differ by every selector, not by who put them there", () => {
  const changes = [
    {},
    { family: 6 as const },
    { not: true as const },
    { from: "10.0.0.0/8" },
    { to: "10.0.0.0/8" },
    { fwmark: { value: 1, mask: 1 } },
    { fwmark: { value: 1, mask: 3 } },
    { table: 7 },
    { unreachable: true as const },
    { suppressPrefixLength: 0 },
    { other: "iif eth0" },
  ];
  const keys = changes.map((change) => ruleKey(rule(5, change)));
  expect(new Set([...keys, ruleKey(rule(6))]).size).toBe(changes.length + 1);
  expect(ruleKey(rule(5, { protocol: 3 }))).toBe(ruleKey(rule(5)));
  expect(ownRuleKey(rule(5, { protocol: 3 }))).not.toBe(ownRuleKey(rule(5)));
});

test("a route's place is its family, table, destination and metric", () => {
  expect(
    routePlace(route("default", { protocol: 2, mtu: 1400, type: "unreachable", nexthops: [] })),
  ).toBe(routePlace(route("default")));
  const others = [
    route("default", { table: 7 }),
    route("default", { metric: 7 }),
    route("default", { family: 6 }),
    route("192.0.2.0/24"),
  ];
  for (const other of others) expect(routePlace(other)).not.toBe(routePlace(route("default")));
});

test("where it leads: the order of nexthops and the weight of a lone one say nothing", () => {
  const [a, b] = [
    { via: "192.0.2.1", dev: "eth1", weight: 2 },
    { via: "192.0.2.2", dev: "eth1", weight: 1 },
  ];
  const key = (...nexthops: (typeof a)[]): string => routeKey(route("default", { nexthops }));
  expect(key(a, b)).toBe(key(b, a));
  expect(key(a, b)).not.toBe(key({ ...a, weight: 3 }, b));
  expect(key(a)).toBe(key({ ...a, weight: 9 }));
  for (const change of [
    { mtu: 1400 },
    { protocol: 2 },
    { other: "onlink" },
    { type: "throw" as const },
  ])
    expect(routeKey(route("default", change))).not.toBe(routeKey(route("default")));
});

test("a wanted nexthop without a device is satisfied by any", () => {
  const wanted = route("default", { nexthops: [{ via: "198.51.100.1", weight: 1 }] });
  expect(satisfies(route("default"), wanted)).toBe(true);
  expect(
    satisfies(
      route("default", { nexthops: [{ via: "198.51.100.2", dev: "eth0", weight: 1 }] }),
      wanted,
    ),
  ).toBe(false);
  expect(satisfies(wanted, route("default"))).toBe(false);
  expect(
    satisfies(route("default", { nexthops: [{ dev: "eth0", weight: 1 }] }), {
      ...wanted,
      nexthops: [{ weight: 1 }],
    }),
  ).toBe(true);
});
