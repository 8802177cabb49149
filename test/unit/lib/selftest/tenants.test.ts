import { planSegments } from "../../../../lib/selftest/segments";
import {
  namespaceOf,
  outsideOf,
  tenantsToTest,
  tenantText,
} from "../../../../lib/selftest/tenants";
import { loadConf } from "../../../../conf/load";
import type { JsonObject } from "../../../../lib/cni/json";

function conf(fields: JsonObject) {
  return loadConf(
    {
      type: "tenant-routing-wrapper",
      name: "net",
      cniVersion: "1.0.0",
      kubeconfig: "/k",
      delegate: { type: "ptp", ipam: { type: "host-local" } },
      ...fields,
    },
    "STATUS",
  ).conf;
}

function tenant(n: number, fields: JsonObject = {}): JsonObject {
  return { fwmark: `${n}/0xff`, ...fields };
}

describe("tenants", () => {
  test("at most four tenants with a table, and then those without", () => {
    const tenants = Object.fromEntries(
      [1, 2, 3, 4, 5, 6].map((n) => [`t${n}`, tenant(n, n === 1 ? {} : { table: n })]),
    );
    expect(tenantsToTest(conf({ tenants })).map(tenantText)).toEqual([
      "t2 (0x2/0xff, table 2)",
      "t3 (0x3/0xff, table 3)",
      "t4 (0x4/0xff, table 4)",
      "t5 (0x5/0xff, table 5)",
      "t1 (0x1/0xff, no table)",
    ]);
  });

  test.each([
    ["0xff", "0x10/0xff"],
    ["0x3000", "0x1000/0x3000"],
    ["0xffffffff", "0x10/0xffffffff"],
  ])("without a catalogue a mark inside the mask %s", (mask, text) => {
    expect(tenantsToTest(conf({ mask }))).toMatchObject([{ value: text, routed: false }]);
  });

  test.each<[readonly string[] | undefined, readonly string[], string | undefined]>([
    [undefined, [], "selftest"],
    [undefined, ["self*"], "tenant-routing-selftest"],
    [["team-a", "team-a-*"], [], "team-a"],
    [["team-a", "team-a-*"], ["team-a"], "team-a-selftest"],
    [["team-a"], ["*"], undefined],
  ])("a namespace that %j allows and %j does not exempt", (globs, exempt, expected) => {
    expect(namespaceOf(globs, exempt)).toBe(expected);
  });

  test.each<[readonly string[], readonly string[], string | undefined]>([
    [["team-a"], [], "selftest"],
    [["*"], [], undefined],
    [["self*"], ["tenant*"], "x"],
  ])("a namespace that %j does not allow and %j does not exempt", (globs, exempt, expected) => {
    expect(outsideOf(globs, exempt)).toBe(expected);
  });
});

describe("segments", () => {
  const segments = (
    tenants: JsonObject,
    fields: JsonObject = {},
    delegates: readonly JsonObject[] = [],
  ) => planSegments(conf({ tenants, ...fields }), delegates);

  test("an interface for each tenant's, one router for each tenant, one for a next hop that two have", () => {
    const a = tenant(1, {
      table: 1,
      gateways: [
        { via: "10.0.0.1", dev: "eth1" },
        { via: "fd00::1", dev: "eth1" },
      ],
    });
    const b = tenant(2, { table: 2, gateways: [{ via: "10.0.0.2", dev: "eth1" }] });
    const c = tenant(3, { table: 3, gateways: [{ via: "10.0.0.2" }, { dev: "tun0" }] });
    expect(segments({ a, b, c })).toEqual([
      {
        dev: "eth1",
        bridge: false,
        routers: [
          { vias: ["10.0.0.1", "fd00::1"], tenants: ["a"], behind: [] },
          { vias: ["10.0.0.2"], tenants: ["b", "c"], behind: [] },
        ],
      },
      { dev: "tun0", bridge: false, routers: [{ vias: [], tenants: ["c"], behind: [] }] },
    ]);
  });

  test("a next hop without an interface gets one", () => {
    const a = tenant(1, { table: 1, gateways: [{ via: "10.0.0.1" }, { via: "10.0.1.1" }] });
    expect(segments({ a }).map(({ dev }) => dev)).toEqual(["st-gw0", "st-gw1"]);
  });

  test("a bridge that the delegate makes, the master of a macvlan, the way to other nodes", () => {
    const a = tenant(1, { table: 1, gateways: [{ via: "10.1.0.9", dev: "cni0" }] });
    const made = segments(
      { a },
      { routes: { nodeRoutes: [{ dst: "10.9.0.0/24", via: "192.168.0.9", dev: "eth0" }] } },
      [{ type: "bridge" }, { type: "macvlan", master: "eth2" }],
    );
    expect(made).toEqual([
      { dev: "cni0", bridge: true, routers: [{ vias: ["10.1.0.9"], tenants: ["a"], behind: [] }] },
      {
        dev: "eth0",
        bridge: false,
        routers: [{ vias: ["192.168.0.9"], tenants: [], behind: ["10.9.0.0/24"] }],
      },
      { dev: "eth2", bridge: false, routers: [{ vias: [], tenants: [], behind: [] }] },
    ]);
  });
});
