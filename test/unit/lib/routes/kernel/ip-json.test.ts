import { parseLinks, parseRoutes, parseRules } from "../../../../../lib/routes/kernel/ip-json";

test("rules: every selector that we write, and the words of those that we never write", () => {
  const entries = [
    { priority: 0, src: "all", table: "255", protocol: "2" },
    {
      priority: 9,
      not: null,
      src: "10.0.0.0",
      srclen: 8,
      dst: "fd00::",
      dstlen: 64,
      fwmark: "0x10",
      fwmask: "0xff",
      table: "100",
      suppress_prefixlen: 0,
      protocol: "2",
    },
    { priority: 10, src: "all", fwmark: "0x5", table: "7" },
    { priority: 11, src: "192.0.2.1", iif: "eth0", action: "goto", target: 99 },
    { priority: 12, src: "all", action: "unreachable" },
    { priority: 13, src: "all", action: "7" },
  ];
  expect(parseRules(entries, 4)).toEqual([
    { family: 4, priority: 0, table: 255, protocol: 2 },
    {
      family: 4,
      priority: 9,
      not: true,
      from: "10.0.0.0/8",
      to: "fd00::/64",
      fwmark: { value: 0x10, mask: 0xff },
      table: 100,
      suppressPrefixLength: 0,
      protocol: 2,
    },
    { family: 4, priority: 10, fwmark: { value: 5, mask: 0xffffffff }, table: 7, protocol: 0 },
    {
      family: 4,
      priority: 11,
      from: "192.0.2.1",
      protocol: 0,
      other: "iif eth0 action goto target 99",
    },
    { family: 4, priority: 12, unreachable: true, protocol: 0 },
    { family: 4, priority: 13, unreachable: true, protocol: 0 },
  ]);
});

test("routes: one gateway, several, none, an MTU, and types by number", () => {
  const entries = [
    {
      type: "1",
      dst: "default",
      gateway: "10.1.0.1",
      dev: "eth1",
      table: "100",
      protocol: "2",
      scope: "0",
      flags: [],
    },
    {
      type: "1",
      dst: "default",
      table: "101",
      protocol: "3",
      metric: 1024,
      metrics: [{ mtu: 1400 }],
      nexthops: [
        { gateway: "fd01::1", dev: "eth1", weight: 3, flags: [] },
        { dev: "eth2", weight: 1 },
      ],
    },
    { type: "7", dst: "default", dev: "lo", table: "100", protocol: "2", metric: 4294967295 },
    {
      type: "1",
      dst: "10.2.0.0/16",
      via: { family: "inet6", host: "FE80::1" },
      dev: "eth1",
      scope: "253",
    },
    { type: "2", dst: "10.1.0.2", dev: "eth1", table: "255", protocol: "2" },
    ...["6", "8", "9"].map((type) => ({ type, dst: "192.0.2.0/24" })),
    { gateway: 5 },
  ];
  const base = { family: 4, protocol: 0, metric: 0, table: 254 };
  expect(parseRoutes(entries, 4)).toEqual([
    {
      ...base,
      table: 100,
      dst: "default",
      type: "unicast",
      protocol: 2,
      nexthops: [{ via: "10.1.0.1", dev: "eth1", weight: 1 }],
    },
    {
      ...base,
      table: 101,
      dst: "default",
      type: "unicast",
      metric: 1024,
      protocol: 3,
      mtu: 1400,
      nexthops: [
        { via: "fd01::1", dev: "eth1", weight: 3 },
        { dev: "eth2", weight: 1 },
      ],
      lossy: true,
    },
    {
      ...base,
      table: 100,
      dst: "default",
      type: "unreachable",
      metric: 4294967295,
      protocol: 2,
      nexthops: [],
    },
    {
      ...base,
      dst: "10.2.0.0/16",
      type: "unicast",
      nexthops: [{ via: "fe80::1", dev: "eth1", weight: 1 }],
    },
    {
      ...base,
      table: 255,
      dst: "10.1.0.2",
      type: "local",
      protocol: 2,
      nexthops: [{ dev: "eth1", weight: 1 }],
    },
    ...["blackhole", "prohibit", "throw"].map((type) => ({
      ...base,
      dst: "192.0.2.0/24",
      type,
      nexthops: [],
    })),
    { ...base, dst: "default", type: "unicast", nexthops: [{ weight: 1 }] },
  ]);
});

test("foreign routes keep the arguments that ours never have", () => {
  const entries = [
    {
      dst: "default",
      gateway: "10.1.0.3",
      dev: "eth1",
      prefsrc: "10.1.0.2",
      flags: ["onlink"],
      metrics: [{ mtu: 1400, advmss: 1360 }],
    },
    {
      dst: "default",
      gateway: "fd01::1",
      dev: "eth1",
      scope: "254",
      tos: "0x10",
      pref: "high",
      flags: ["linkdown"],
    },
    { dst: "default", gateway: "fd01::1", dev: "eth1", pref: "medium", flags: [] },
  ];
  expect(parseRoutes(entries, 6).map(({ other }) => other)).toEqual([
    "src 10.1.0.2 advmss 1360 onlink",
    "tos 0x10 scope 254 pref high",
    undefined,
  ]);
});

test.each<[string, object, boolean]>([
  [
    "a plain route",
    {
      dst: "default",
      gateway: "10.1.0.1",
      dev: "eth1",
      scope: "0",
      prefsrc: "10.1.0.2",
      flags: ["onlink", "linkdown"],
    },
    false,
  ],
  [
    "local, as TPROXY has it",
    { type: "2", dst: "default", dev: "lo", scope: "254", flags: [] },
    false,
  ],
  [
    "with metrics, one of which may be locked",
    { dst: "default", gateway: "10.1.0.1", dev: "eth1", metrics: [{ mtu: 1400 }] },
    true,
  ],
  ["by a next hop object", { dst: "default", nhid: 5, gateway: "10.1.0.1", dev: "eth1" }, true],
  ["of a realm", { dst: "default", gateway: "10.1.0.1", dev: "eth1", flow: { to: "4" } }, true],
  ["that expires", { dst: "default", gateway: "fe80::1", dev: "eth1", expires: 99 }, true],
  [
    "with one hop on link by order",
    {
      dst: "default",
      nexthops: [{ gateway: "10.1.0.1", dev: "eth1", weight: 1, flags: ["onlink"] }],
    },
    true,
  ],
  ["of a type without a name", { type: "10", dst: "default" }, true],
])("whether it could be written again: %s", (_, entry, lossy) => {
  expect(parseRoutes([entry], 4)[0]?.lossy ?? false).toBe(lossy);
});

test("where a route with an encapsulation leads is not known", () => {
  const printed =
    '{"type":"1","dst":"default","encap":"ip","id":5,"src":"0.0.0.0","dst":"10.9.0.7","dev":"eth1"}';
  expect(parseRoutes([JSON.parse(printed)], 4)).toMatchObject([{ dst: "?", lossy: true }]);
});

test("links: names, MTU, state, and addresses other than link-local ones", () => {
  const entries = [
    {
      ifname: "eth1",
      altnames: ["enp0s31"],
      mtu: 1450,
      flags: ["BROADCAST", "UP"],
      addr_info: [
        { family: "inet", local: "10.1.0.2", prefixlen: 24, scope: "global" },
        { family: "inet6", local: "FD01::2", prefixlen: 64, scope: "global" },
        { family: "inet6", local: "fe80::1", prefixlen: 64, scope: "link" },
        { family: "inet" },
      ],
    },
    {},
  ];
  expect(parseLinks(entries)).toEqual([
    {
      name: "eth1",
      altNames: ["enp0s31"],
      mtu: 1450,
      up: true,
      addresses: [
        { family: 4, address: "10.1.0.2" },
        { family: 6, address: "fd01::2" },
      ],
      facts: { prefixes: ["10.1.0.2/24", "fd01::2/64", "fe80::1/64"] },
    },
    { name: "", altNames: [], mtu: 0, up: false, addresses: [], facts: { prefixes: [] } },
  ]);
});
