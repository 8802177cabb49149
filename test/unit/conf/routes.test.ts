import { loadConf } from "../../../conf/load";
import { translationOf } from "../../../conf/build";
import type { PluginConf } from "../../../conf/types";
import type { Json } from "../../../lib/cni/json";
import { netconf } from "./helpers";

type Changes = Readonly<Record<string, Json | undefined>>;
const accepted = (changes: Changes): PluginConf => loadConf(netconf(changes), "ADD").conf;
const DEFAULTS = {
  tenantPriority: 32765,
  localPriority: 32764,
  excludePriority: 32763,
  excludeDestinations: ["169.254.169.254/32", "fd00:ec2::254/128"],
  podNetworks: [],
  nodeRoutes: [],
  links: [],
  masquerade: false,
  acceptForward: false,
  namesDir: "/etc/iproute2/rt_tables.d",
  watch: {
    intervalMs: 2000,
    timeoutMs: 1000,
    failAfter: 3,
    holdDownMs: 10_000,
    statusFile: "/run/tenant-routing-status.json",
  },
};
const GOOD = {
  excludeDestinations: ["10.96.0.0/12"],
  podNetworks: ["10.200.0.0/16"],
  masquerade: true,
  namesDir: "",
  excludePriority: 90,
  localPriority: 100,
  nodeRoutes: [{ dst: "10.200.1.0/24", via: "192.168.1.12", dev: "eth0" }],
  watch: { interval: "500ms", holdDown: "1m", statusFile: "" },
};
const GOOD_BUILT = {
  ...DEFAULTS,
  excludeDestinations: ["10.96.0.0/12"],
  podNetworks: ["10.200.0.0/16"],
  masquerade: true,
  namesDir: undefined,
  excludePriority: 90,
  localPriority: 100,
  nodeRoutes: GOOD.nodeRoutes,
  watch: { ...DEFAULTS.watch, intervalMs: 500, holdDownMs: 60_000, statusFile: undefined },
};

describe("the node routes of a configuration", () => {
  test.each([[undefined], [{}], [{ watch: {} }]])("of routes %j are the defaults", (routes) => {
    expect(accepted({ routes }).routes).toEqual(DEFAULTS);
  });

  test("are what is written, and the defaults of the rest", () => {
    expect(accepted({ routes: GOOD }).routes).toEqual(GOOD_BUILT);
  });

  test("of a tenant default to nothing that changes packets", () => {
    expect(
      accepted({ tenants: { a: { fwmark: "1" } }, marks: { b: { mark: 2 } } }).tenants,
    ).toEqual([
      expect.objectContaining({
        name: "a",
        snat: undefined,
        mtu: undefined,
        onGatewayLoss: "stop",
        gateways: [],
        table: undefined,
      }),
      expect.objectContaining({
        name: "b",
        snat: undefined,
        mtu: undefined,
        onGatewayLoss: "stop",
        gateways: [],
        table: undefined,
      }),
    ]);
  });

  test("of a tenant are what is written", () => {
    const gateways = [
      { via: "10.0.0.1", check: "192.0.2.1" },
      { dev: "wg0", weight: 2, check: "2001:db8::1" },
    ];
    const tenants = {
      a: {
        fwmark: "1",
        table: 9,
        gateways,
        snat: ["203.0.113.5", "2001:db8::5"],
        mtu: 1420,
        onGatewayLoss: "fallback",
      },
    };
    expect(accepted({ tenants }).tenants?.[0]).toMatchObject({
      gateways,
      snat: ["203.0.113.5", "2001:db8::5"],
      mtu: 1420,
      onGatewayLoss: "fallback",
    });
  });
});

test.each([
  ["none", "none"],
  ["masquerade", "masquerade"],
  ["203.0.113.5", ["203.0.113.5"]],
  [
    ["203.0.113.5", "2001:db8::5"],
    ["203.0.113.5", "2001:db8::5"],
  ],
] as const)("the translation %j is %j", (text, translation) => {
  expect(translationOf(text)).toEqual(translation);
});

describe("the upstream router of a configuration", () => {
  test("is undefined when none is written", () => {
    expect(accepted({}).router).toBeUndefined();
  });

  test("translates IPv4 and not IPv6 by default, and needs no next hop and no LAN", () => {
    const router = { nodes: ["10.0.0.11"], uplinks: { default: { dev: "wan0" } } };
    const wan = { dev: "wan0", via: [], table: undefined, snat: "masquerade", snat6: "none" };
    expect(accepted({ router }).router).toEqual({
      nodes: ["10.0.0.11"],
      lan: [],
      uplinks: { default: wan },
    });
  });

  test("is what is written", () => {
    const router = {
      nodes: ["10.0.0.11", "fd00::11"],
      lan: ["10.0.0.0/8"],
      uplinks: {
        vpn: {
          dev: "vpn0",
          via: ["198.51.100.1", "2001:db8::1"],
          table: 7,
          snat: "198.51.100.2",
          snat6: ["2001:db8::2"],
        },
      },
    };
    const vpn = {
      dev: "vpn0",
      via: ["198.51.100.1", "2001:db8::1"],
      table: 7,
      snat: ["198.51.100.2"],
      snat6: ["2001:db8::2"],
    };
    expect(accepted({ tenants: { vpn: { fwmark: "1" } }, router }).router).toEqual({
      ...router,
      uplinks: { vpn },
    });
  });
});

describe.each(["DEL", "GC", "CHECK"] as const)(
  "%s lives with a bad part of routes and keeps the rest",
  (verb) => {
    const load = (changes: Changes) =>
      loadConf(netconf({ prevResult: { ips: [] }, ...changes }), verb);

    test.each<[string, Record<string, Json>, Partial<typeof GOOD_BUILT>]>([
      ["a priority beyond main's", { tenantPriority: 32766 }, { tenantPriority: 32765 }],
      [
        "priorities in disorder",
        { excludePriority: 200 },
        { excludePriority: 32763, localPriority: 32764 },
      ],
      [
        "a destination that is none",
        { excludeDestinations: ["300.0.0.0/8"] },
        { excludeDestinations: DEFAULTS.excludeDestinations },
      ],
      [
        "everything excluded",
        { excludeDestinations: ["0.0.0.0/0"] },
        { excludeDestinations: DEFAULTS.excludeDestinations },
      ],
      [
        "no pod networks to masquerade",
        { podNetworks: [] },
        { podNetworks: [], masquerade: false },
      ],
      ["a wrong route", { nodeRoutes: [{ dst: "10.0.0.0/8" }] }, { nodeRoutes: [] }],
      [
        "a route of two families",
        { nodeRoutes: [{ dst: "10.0.0.0/8", via: "fd00::1" }] },
        { nodeRoutes: [] },
      ],
      ["a relative directory", { namesDir: "x" }, { namesDir: DEFAULTS.namesDir as never }],
      ["a time out of range", { watch: { interval: "1ms" } }, { watch: DEFAULTS.watch as never }],
      ["an unknown key", { podnetworks: [] }, {}],
    ])("%s", (_title, part, changed) => {
      const { conf, warnings } = load({ routes: { ...GOOD, ...part } });
      expect(conf.routes).toEqual({ ...GOOD_BUILT, ...changed });
      expect(warnings).toHaveLength(1);
      expect(() => loadConf(netconf({ routes: { ...GOOD, ...part } }), "ADD")).toThrow("/routes");
    });

    test("routes that are no object are the defaults", () => {
      expect(load({ routes: "x" }).conf.routes).toEqual(DEFAULTS);
    });

    test("a router with anything wrong is left out as a whole, and the tenants stay", () => {
      const { conf, warnings } = load({
        tenants: { a: { fwmark: "1" } },
        router: { nodes: ["10.0.0.11"], uplinks: { b: { dev: "wan0" } } },
      });
      expect(conf.router).toBeUndefined();
      expect(conf.tenants).toHaveLength(1);
      expect(warnings).toEqual([
        '/router/uplinks/b is not the name of a tenant: use the name of a tenant, or "default"',
      ]);
    });
  },
);
