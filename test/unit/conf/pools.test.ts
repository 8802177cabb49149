import { addressPools, outside, ownPools, poolNetworks, tenantPools } from "../../../conf/pools";
import type { Json, JsonObject } from "../../../lib/cni/json";
import { formatCidr } from "../../../lib/net/address";

const pools = (ipam: Json): readonly string[] =>
  addressPools({ type: "ptp", ipam }).map(formatCidr);

test.each<[string, Json, readonly string[]]>([
  ["host-local's subnet", { type: "host-local", subnet: "10.244.0.0/24" }, ["10.244.0.0/24"]],
  [
    "host-local's ranges of both families",
    {
      ranges: [
        [{ subnet: "10.1.0.0/24" }, { subnet: "10.3.0.0/24" }],
        [{ subnet: "FD00:0::/64", rangeStart: "fd00::9" }],
      ],
    },
    ["10.1.0.0/24", "10.3.0.0/24", "fd00::/64"],
  ],
  [
    "subnet and ranges together",
    { subnet: "10.1.0.0/24", ranges: [[{ subnet: "fd00::/64" }]] },
    ["10.1.0.0/24", "fd00::/64"],
  ],
  ["the network of a gateway's address", { subnet: "10.1.0.1/24" }, ["10.1.0.0/24"]],
  ["whereabouts' range", { type: "whereabouts", range: "192.168.2.225/28" }, ["192.168.2.224/28"]],
  [
    "whereabouts' part of a network",
    { range: "192.168.2.225-192.168.2.230/28" },
    ["192.168.2.224/28"],
  ],
  [
    "whereabouts' ranges of both families",
    { ipRanges: [{ range: "192.168.2.0/24" }, { range: "2001:db8::10-2001:db8::20/64" }] },
    ["192.168.2.0/24", "2001:db8::/64"],
  ],
  [
    "a network once, and none inside another",
    {
      ranges: [[{ subnet: "10.1.0.0/24" }, { subnet: "10.1.0.9/24" }], [{ subnet: "10.1.0.0/16" }]],
    },
    ["10.1.0.0/16"],
  ],
  ["nothing of another IPAM", { type: "dhcp" }, []],
  ["nothing of odd shapes", { subnet: null, ranges: {}, range: "", ipRanges: [7, []] }, []],
  ["nothing of no IPAM", "dhcp", []],
])("%s", (_title, ipam, expected) => {
  expect(pools(ipam)).toEqual(expected);
});

test.each<[Json]>([
  ["10.0.0"],
  ["10.0.0.0/33"],
  [7],
  ["10.0.0.1-10.0.0.9"],
  [["10.0.0.0/8"]],
  ["pool"],
])("%j is no pool", (subnet) => {
  expect(() => pools({ subnet })).toThrow(
    `the delegate's ipam has ${JSON.stringify(typeof subnet === "string" ? subnet : JSON.stringify(subnet))} as an address pool, which is no network`,
  );
});

describe("a tenant's own pools", () => {
  const ipam = (...subnets: string[]): JsonObject => ({
    ipam: { ranges: subnets.map((subnet) => [{ subnet }]) },
  });
  const base: JsonObject = { type: "ptp", ...ipam("10.88.0.0/16", "fd00:88::/64") };
  const own = (patches: Readonly<Record<string, JsonObject | undefined>>): object =>
    Object.fromEntries(
      [
        ...ownPools(
          base,
          Object.entries(patches).map(([name, delegate]) => ({ name, delegate })),
        ),
      ].map(([name, pools]) => [name, pools.map(formatCidr)]),
    );

  test.each<[string, Readonly<Record<string, JsonObject | undefined>>, object]>([
    [
      "are those that its patch gives it, in both families",
      { a: ipam("10.66.0.0/24", "fd00:66::/64"), b: undefined },
      { a: ["10.66.0.0/24", "fd00:66::/64"], b: [] },
    ],
    ["are none where it has the delegate's", { a: { mtu: 1400 } }, { a: [] }],
    ["are none inside the delegate's", { a: ipam("10.88.4.0/24") }, { a: [] }],
    [
      "are not those of another tenant too",
      { a: ipam("10.66.0.0/24", "fd00:66::/64"), b: ipam("10.66.0.128/25", "fd00:77::/64") },
      { a: ["fd00:66::/64"], b: ["fd00:77::/64"] },
    ],
    ["are none that are no network", { a: ipam("everything") }, { a: [] }],
  ])("%s", (_, patches, expected) => expect(own(patches)).toEqual(expected));

  test("are none without a delegate", () => {
    expect(ownPools(undefined, [{ name: "a", delegate: ipam("10.66.0.0/24") }]).size).toBe(0);
  });
});

describe("a tenant's `pool`", () => {
  const delegate = { type: "ptp", ipam: { type: "host-local", subnet: "10.1.0.0/24" } };
  const patch = { ipam: { subnet: "10.2.0.0/24" } };
  const POOL = ["10.66.0.0/24", "10.66.0.7/32", "fd00:66::/64"];

  test("counts before what the delegate's IPAM says, each network once", () => {
    const of = (tenant: Parameters<typeof tenantPools>[1]): readonly string[] =>
      tenantPools(delegate, tenant).map(formatCidr);
    expect(of({ pool: POOL, delegate: patch })).toEqual(["10.66.0.0/24", "fd00:66::/64"]);
    expect(of({ delegate: patch })).toEqual(["10.2.0.0/24"]);
    expect(of({ delegate: undefined })).toEqual(["10.1.0.0/24"]);
  });

  test("is the tenant's own where nobody else has it, with a patch or without", () => {
    const tenants = [
      { name: "a", pool: POOL, delegate: { ipam: { type: "dhcp" } } },
      { name: "b", pool: ["10.1.0.0/25"], delegate: undefined },
    ];
    const own = ownPools(delegate, tenants);
    expect(own.get("a")?.map(formatCidr)).toEqual(["10.66.0.0/24", "fd00:66::/64"]);
    expect(own.get("b")).toEqual([]);
  });

  test("what is outside of it", () => {
    const networks = poolNetworks(POOL);
    expect(outside(networks, ["10.66.0.9", "fd00:66::9"])).toEqual([]);
    expect(outside(networks, ["10.66.1.9", "fd00:66::9", "fd00:67::1"])).toEqual([
      "10.66.1.9",
      "fd00:67::1",
    ]);
  });
});
