import type { PluginConf } from "../../../../../conf/types";
import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import { findFindings } from "../../../../../lib/routes/conflicts/findings";
import type { Finding, FindingKind, NodeState } from "../../../../../lib/routes/model";
import { KERNEL_RULES, TENANTS, confOf, connected, link, route, rule, stateOf } from "../node-rig";

function found(state: NodeState, conf: PluginConf = confOf()): readonly Finding[] {
  return findFindings({ conf, plan: desiredRoutes(conf, state), state });
}

function only(kind: FindingKind, findings: readonly Finding[]): Finding {
  expect(findings.map((each) => each.kind)).toEqual([kind]);
  return findings[0] as Finding;
}

const one = (tenant: object): PluginConf => confOf({ tenants: { a: { ...TENANTS.a, ...tenant } } });

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
  expect(only("gateway-failed", findFindings({ conf, plan, state })).text).toContain(
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
  expect(only("mark-without-tenant", findFindings({ conf, plan, state })).text).toContain(
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

test("main-refuses: a default route of the main table that refuses, which no rule passes over", () => {
  const stop = (change: object): ReturnType<typeof route> =>
    route("default", { type: "blackhole", nexthops: [], ...change });
  const routes = stateOf().routes.filter(({ dst }) => dst !== "default");
  expect(
    only(
      "main-refuses",
      found(
        stateOf(
          { routes: [...routes, stop({ metric: 9999 })] },
          { "net/ipv4/conf/eth1/rp_filter": "0" },
        ),
      ),
    ).text,
  ).toBe(
    'the main table has "ip -4 route blackhole default table main metric 9999 protocol 3", which takes the tenants\' packets too because no rule passes over a route that refuses: delete it; to refuse what has no route, have "ip -4 rule add pref 32768 blackhole" instead',
  );
  expect(
    only(
      "main-refuses",
      found(
        stateOf({
          routes: [
            ...stateOf().routes,
            stop({ family: 6, type: "unreachable", metric: 512 }),
            route("default", { family: 6, metric: 1024 }),
          ],
        }),
      ),
    ).text,
  ).toContain("ip -6 rule add pref 32768 unreachable");
  expect(
    only(
      "main-refuses",
      found(
        stateOf({ routes: [...stateOf().routes, stop({ dst: "0.0.0.0/1", type: "prohibit" })] }),
      ),
    ).text,
  ).toContain("0.0.0.0/1");
  expect(found(stateOf({ routes: [...stateOf().routes, stop({ dst: "10.0.0.0/8" })] }))).toEqual(
    [],
  );
});

test("main-may-refuse: one behind a better default route", () => {
  const stop = route("default", { type: "blackhole", nexthops: [], metric: 9999 });
  expect(
    only("main-may-refuse", found(stateOf({ routes: [...stateOf().routes, stop] }))).text,
  ).toContain("once the better routes beside it are gone");
});

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

const links = [link("eth0", "198.51.100.2"), link("eth1", "192.0.2.9", { mtu: 1450 })];

test("mtu: pods send larger packets than their gateway's interface carries", () => {
  const { tenant, text } = only("mtu", found(stateOf({ links }), one({})));
  expect(tenant).toBe("a");
  expect(text).toBe(
    "pods of tenant a have an MTU of 1500, but eth1, which their packets leave by, has 1450, so their larger packets are refused or lost: set /tenants/a/delegate/mtu, or /delegate/mtu for all pods, to 1450",
  );
});

test("mtu: the tenant's own route allows less than its interface", () => {
  expect(
    only("mtu", found(stateOf({ links }), one({ mtu: 1400, delegate: { mtu: 1450 } }))).text,
  ).toContain("an MTU of 1450, but the tenant's route allows 1400");
});

test("mtu: the tenant's change to the delegate counts, and is the key to change", () => {
  expect(found(stateOf({ links }), one({ delegate: { mtu: 1450 } }))).toEqual([]);
  expect(only("mtu", found(stateOf({ links }), one({ delegate: { mtu: 9000 } }))).text).toContain(
    "set /tenants/a/delegate/mtu to 1450",
  );
});

test("mtu: macvlan has its parent's, and what other delegates have is not known", () => {
  const ipam = { type: "host-local", subnet: "10.200.0.0/18" };
  const big = [link("eth0", "198.51.100.2", { mtu: 9000 }), link("eth1", "192.0.2.9")];
  const withDelegate = (delegate: object): PluginConf =>
    confOf({ tenants: { a: TENANTS.a }, delegate: { ...delegate, ipam } });
  expect(
    only("mtu", found(stateOf({ links: big }), withDelegate({ type: "macvlan", master: "eth0" })))
      .text,
  ).toContain("an MTU of 9000, but eth1");
  expect(found(stateOf({ links }), withDelegate({ type: "somebody-elses" }))).toEqual([]);
  expect(
    found(stateOf({ links }), withDelegate({ type: "bridge", bridge: "cni0", mtu: 1400 })),
  ).toEqual([]);
});

test("mtu: chained behind another plugin, the pods' MTU is not ours to know", () => {
  expect(found(stateOf({ links }), { ...confOf(), delegate: undefined })).toEqual([]);
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
