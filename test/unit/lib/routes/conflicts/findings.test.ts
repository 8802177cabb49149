import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import type { NodeState } from "../../../../../lib/routes/model";
import { KERNEL_RULES, confOf, connected, link, route, rule, stateOf } from "../node-rig";
import { found, one, only, told } from "./rig";

test("a node where all is well has no finding", () => {
  expect(found(stateOf())).toEqual([]);
});

test("device-missing: the gateway's interface is not there", () => {
  const { tenant, text } = only(
    "device-missing",
    found(stateOf(), one({ gateways: [{ via: "192.0.2.1", dev: "vpn0" }] })),
  );
  expect(tenant).toBe("a");
  expect(text).toBe(
    'gateway 192.0.2.1 dev vpn0 of tenant a is left out because this node has no interface vpn0: make it, or correct "dev"',
  );
});

test("device-down: the gateway's interface is down", () => {
  const links = [link("eth1", "192.0.2.9", { up: false })];
  expect(only("device-down", found(stateOf({ links }), one({}))).text).toContain(
    "ip link set eth1 up",
  );
});

test("gateway-off-link: the interface has no connected route to the gateway, or no interface has", () => {
  expect(
    only(
      "gateway-off-link",
      found(stateOf(), one({ gateways: [{ via: "203.0.113.1", dev: "eth1" }] })),
    ).text,
  ).toContain("eth1 has no connected route to 203.0.113.1");
  expect(
    only("gateway-off-link", found(stateOf(), one({ gateways: [{ via: "203.0.113.1" }] }))).text,
  ).toContain("no connected route leads to 203.0.113.1");
});

test("gateway-own-address: the node is its own gateway", () => {
  const links = [link("eth1", "192.0.2.9")];
  expect(
    only(
      "gateway-own-address",
      found(stateOf({ links }), one({ gateways: [{ via: "192.0.2.9" }] })),
    ).text,
  ).toContain("192.0.2.9 is an address of this node");
});

test("gateway-failed: the gateway does not answer", () => {
  const [conf, state] = [one({}), stateOf()];
  const plan = desiredRoutes(conf, state, () => false);
  expect(only("gateway-failed", told({ conf, plan, state })).text).toContain(
    "gateway 192.0.2.1 dev eth1 of tenant a is left out because it does not answer",
  );
});

test("no-gateway: a table that leads nowhere", () => {
  expect(
    only(
      "no-gateway",
      found(stateOf(), confOf({ tenants: { a: { fwmark: "0x10/0xff", table: 100 } } })),
    ).text,
  ).toContain("tenant a has table 100 and no gateways");
});

test("mark-without-tenant: pods carry a mark that no tenant has any more", () => {
  const [conf, state] = [confOf(), stateOf()];
  const mark = { value: 0x30, mask: 0xff };
  const plan = desiredRoutes(conf, state, undefined, [{ mark, stop: mark, pods: ["shop/web-0"] }]);
  expect(only("mark-without-tenant", told({ conf, plan, state })).text).toContain(
    "shop/web-0 still carries mark 0x30/0xff",
  );
});

test("forwarding-off: packets are not sent on", () => {
  expect(only("forwarding-off", found(stateOf({}, { "net/ipv4/ip_forward": "0" }))).text).toBe(
    "net.ipv4.ip_forward is 0, so the node drops what it should send on (forwarding of IPv4 packets): apply --sysctl sets net.ipv4.ip_forward to 1",
  );
});

test.each([
  ["1", "0", true],
  ["0", "1", true],
  ["1", "1", true],
  ["1", "2", false],
  ["2", "1", false],
  ["0", "0", false],
])(
  "strict-rp-filter: with %s on the interface and %s on all, it is strict: %s",
  (own, all, strict) => {
    const kinds = found(
      stateOf({}, { "net/ipv4/conf/eth1/rp_filter": own, "net/ipv4/conf/all/rp_filter": all }),
    ).map(({ kind }) => kind);
    expect(kinds).toEqual(strict ? ["strict-rp-filter"] : []);
  },
);

test("strict-rp-filter: a valid mark does not help replies, which have none", () => {
  const { text } = only(
    "strict-rp-filter",
    found(
      stateOf(
        {},
        { "net/ipv4/conf/eth1/rp_filter": "1", "net/ipv4/conf/eth1/src_valid_mark": "1" },
      ),
    ),
  );
  expect(text).toContain("apply --sysctl sets net.ipv4.conf.eth1.rp_filter to 2");
});

test("no-default-route: loose filtering has no route to the sender either", () => {
  const routes = [connected("192.0.2.0/24", "eth1")];
  expect(only("no-default-route", found(stateOf({ routes }))).text).toContain(
    "the loose reverse-path filter on eth1 drops replies",
  );
  expect(found(stateOf({ routes }, { "net/ipv4/conf/eth1/rp_filter": "0" }))).toEqual([]);
});

test("half-default: the halves of a VPN client come before the tenants' tables, and are as good as a default route", () => {
  const routes = [
    connected("192.0.2.0/24", "eth1"),
    ...["0.0.0.0/1", "128.0.0.0/1"].map((dst) => connected(dst, "tun0")),
  ];
  expect(only("half-default", found(stateOf({ routes }))).text).toContain(
    '"ip -4 route 0.0.0.0/1 dev tun0 table main protocol kernel", "ip -4 route 128.0.0.0/1',
  );
  expect(
    only(
      "half-default",
      found(stateOf({ routes: [...stateOf().routes, connected("2000::/3", "tun0")] })),
    ).text,
  ).toContain("2000::/3");
});

test("rule-before: another's rule takes everything to a table that leads everywhere", () => {
  const rules = [
    ...KERNEL_RULES,
    rule(500, { not: true, fwmark: { value: 0xca6c, mask: 0xffffffff }, table: 51820 }),
  ];
  const routes = [...stateOf().routes, route("default", { table: 51820 })];
  const { text } = only("rule-before", found(stateOf({ rules, routes })));
  expect(text).toContain(
    '"ip -4 rule pref 500 not fwmark 0xca6c/0xffffffff lookup 51820" comes before the tenants\' rules',
  );
  expect(text).toContain("move it behind 32765");
});

test.each([
  ["is narrowed by from", rule(500, { from: "10.0.0.0/8", table: 7 })],
  ["is narrowed by its mark", rule(500, { fwmark: { value: 0x100, mask: 0x100 }, table: 7 })],
  ["is narrowed by something else", rule(500, { other: "iif eth0", table: 7 })],
  ["looks up a table that leads to a few networks", rule(500, { table: 8 })],
  ["leaves default routes out", rule(500, { table: 7, suppressPrefixLength: 0 })],
  [
    "is the main table's without its default routes",
    rule(500, { table: 254, suppressPrefixLength: 0 }),
  ],
  ["is the local table's", rule(500, { table: 255 })],
  ["comes behind ours", rule(40000, { table: 7 })],
  ["is of a family without tenants' rules", rule(500, { family: 6, table: 7 })],
])("rule-before: not a rule that %s", (_title, other) => {
  const routes = [
    ...stateOf().routes,
    route("default", { table: 7 }),
    route("10.9.0.0/16", { table: 8 }),
  ];
  expect(found(stateOf({ rules: [...KERNEL_RULES, other], routes }))).toEqual([]);
});

const GATEWAY6 = { gateways: [{ via: "2001:db8:1::1", dev: "eth1" }] };

test("ra-default: the node's IPv6 default route goes when forwarding is on", () => {
  const routes = [
    ...stateOf().routes,
    connected("2001:db8:1::/64", "eth1"),
    route("default", {
      family: 6,
      protocol: 9,
      nexthops: [{ via: "fe80::1", dev: "eth0", weight: 1 }],
    }),
  ];
  const state = (accept: string): NodeState =>
    stateOf({ routes }, { "net/ipv6/conf/eth0/accept_ra": accept });
  expect(only("ra-default", found(state("1"), one(GATEWAY6))).text).toContain(
    "set net.ipv6.conf.eth0.accept_ra to 2",
  );
  expect(found(state("2"), one(GATEWAY6))).toEqual([]);
  expect(found(state("0"), one(GATEWAY6))).toEqual([]);
  expect(found(state("1"), one({}))).toEqual([]);
});

test("a gateway without an address, on an interface of both families, is found down once for each", () => {
  const vpn = link("vpn0", "10.9.9.9", { up: false });
  const both = {
    ...vpn,
    addresses: [...vpn.addresses, { family: 6 as const, address: "fd00:9::9" }],
  };
  expect(
    found(stateOf({ links: [both] }), one({ gateways: [{ dev: "vpn0" }] })).map(
      ({ kind, text }) => [kind, /^gateway IPv[46] dev vpn0/.exec(text)?.[0]],
    ),
  ).toEqual([
    ["device-down", "gateway IPv4 dev vpn0"],
    ["device-down", "gateway IPv6 dev vpn0"],
  ]);
});
