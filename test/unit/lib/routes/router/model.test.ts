import type { PluginConf } from "../../../../../conf/types";
import { type CniError, ERRORS } from "../../../../../lib/cni/error";
import { routerModel } from "../../../../../lib/routes/router/model";
import type { JsonObject } from "../../../../../lib/cni/json";
import { routerConfigCommand } from "../../../../../cmd/commands/routes/router-config";
import type { Io } from "../../../../../cmd/io";
import { tenantWith } from "../../../../helpers/conf-object";
import { DELEGATE, ROUTER, exampleConf, threeUplinks, uplinkWith } from "./example";

function refused(conf: PluginConf): string {
  try {
    routerModel(conf);
  } catch (error) {
    expect((error as CniError).code).toBe(ERRORS.invalidConfig.code);
    return (error as CniError).message;
  }
  throw new Error("the configuration was accepted");
}

const vpn = (ipam: JsonObject): PluginConf =>
  exampleConf({}, { tenants: [tenantWith({ name: "vpn", table: 200, delegate: { ipam } })] });

test("the model of a dual-stack router", () => {
  expect(routerModel(exampleConf())).toEqual({
    network: "pods",
    node: "10.0.0.11",
    lan: [
      { family: 4, network: "10.0.0.0/8" },
      { family: 4, network: "192.168.0.0/16" },
      { family: 6, network: "fd00::/16" },
    ],
    uplinks: [
      {
        name: "default",
        dev: "wan0",
        table: undefined,
        ways: [
          { family: 4, pools: ["10.244.0.0/24"], hop: { via: "203.0.113.1" }, snat: "masquerade" },
          { family: 6, pools: ["2001:db8:1::/64"], hop: { via: "2001:db8:ffff::1" }, snat: "none" },
        ],
      },
      {
        name: "vpn",
        dev: "vpn0",
        table: 200,
        ways: [
          { family: 4, pools: ["10.66.0.0/24"], hop: { via: "198.51.100.1" }, snat: "masquerade" },
          { family: 6, pools: ["fd66::/64"], hop: { via: "2001:db8:66::1" }, snat: "masquerade" },
        ],
      },
    ],
    returns: [
      { family: 4, pool: "10.244.0.0/24", via: "10.0.0.11" },
      { family: 6, pool: "2001:db8:1::/64", via: "fd00::11" },
      { family: 4, pool: "10.66.0.0/24", via: "10.0.0.11" },
      { family: 6, pool: "fd66::/64", via: "fd00::11" },
    ],
  });
});

test("pods of a tenant without an uplink leave by the default one, with its pools", () => {
  const { uplinks, returns } = routerModel(
    threeUplinks({ default: uplinkWith(), vpn: uplinkWith({ dev: "vpn0" }) }),
  );
  expect(uplinks[0]?.ways.map(({ pools }) => pools)).toEqual([
    ["10.244.0.0/24", "10.77.0.0/24"],
    ["2001:db8:1::/64", "fd77::/64"],
  ]);
  expect(returns).toHaveLength(6);
});

test("the uplink's table wins over the tenant's, and one translated address serves one family", () => {
  const { uplinks } = routerModel(
    exampleConf({
      uplinks: {
        vpn: uplinkWith({ dev: "vpn0", table: 7, snat: ["198.51.100.9"], snat6: ["2001:DB8::9"] }),
      },
    }),
  );
  expect(uplinks).toMatchObject([
    {
      table: 7,
      ways: [{ snat: "198.51.100.9", hop: { via: undefined } }, { snat: "2001:db8::9" }],
    },
  ]);
});

describe("refused, in these words", () => {
  test.each<[string, PluginConf, string]>([
    [
      "no router",
      exampleConf({}, { router: undefined }),
      'router configuration: "router" is missing, or was left out for what is wrong with it: write it as {"nodes": ["10.0.0.11"], "uplinks": {"default": {"dev": "wan0"}}}',
    ],
    [
      "no delegate",
      exampleConf({}, { delegate: undefined }),
      'router configuration: "delegate" is missing, so the address pools are not known: a router can tell tenants apart only by pools of a delegate',
    ],
    [
      "a tenant with the pools of all",
      vpn({}),
      overlap("10.244.0.0/24", "10.244.0.0/24", "pods without an uplink of their own"),
    ],
    [
      "a tenant inside the pool of all",
      vpn({ ranges: [[{ subnet: "10.244.0.128/25" }]] }),
      overlap("10.244.0.128/25", "10.244.0.0/24", "pods without an uplink of their own"),
    ],
    [
      "a tenant around the pool of all",
      vpn({ ranges: null, subnet: "10.0.0.0/8" }),
      overlap("10.0.0.0/8", "10.244.0.0/24", "pods without an uplink of their own"),
    ],
    [
      "a tenant that shares one family",
      vpn({ ranges: [[{ subnet: "10.66.0.0/24" }], [{ subnet: "2001:db8:1::/64" }]] }),
      overlap("2001:db8:1::/64", "2001:db8:1::/64", "pods without an uplink of their own"),
    ],
    [
      "a tenant without any pool",
      vpn({ ranges: null }),
      'router configuration: tenant "vpn" has an uplink but no address pool: give it one with {"delegate": {"ipam": {"subnet": "10.66.0.0/24"}}}',
    ],
    [
      "two tenants with one pool",
      {
        ...exampleConf({ uplinks: { a: uplinkWith(), vpn: uplinkWith() } }),
        tenants: ["a", "vpn"].map((name) =>
          tenantWith({
            name,
            table: 1,
            delegate: { ipam: { ranges: [[{ subnet: "10.66.0.0/24" }]] } },
          }),
        ),
      },
      overlap("10.66.0.0/24", "10.66.0.0/24", 'tenant "a"'),
    ],
    [
      "no way back in one family",
      exampleConf({ nodes: ["10.0.0.11"] }),
      'router configuration: pool 2001:db8:1::/64 has no way back to this node: add the node\'s IPv6 address to "nodes" of "router"',
    ],
    [
      "a way back of one link",
      exampleConf({ nodes: ["10.0.0.11", "fe80::1"] }),
      'router configuration: "nodes" of "router" has fe80::1, which is an address of one link only: write the node\'s routable IPv6 address',
    ],
    [
      "an interface that a shell would read",
      exampleConf({ uplinks: { default: uplinkWith({ dev: "x;reboot" }) } }),
      'router configuration: interface "x;reboot" of uplink "default" cannot be written into a router\'s configuration: use letters, digits, and _ . @ -',
    ],
    [
      "a pool that is no network",
      exampleConf({}, { delegate: { ...DELEGATE, ipam: { subnet: "10.0.0" } } }),
      'the delegate\'s ipam has "10.0.0" as an address pool, which is no network: write it as "10.244.0.0/24"',
    ],
  ])("%s", (_title, conf, message) => {
    expect(refused(conf)).toBe(message);
  });
});

function overlap(pool: string, shared: string, whose: string): string {
  return `router configuration: pool ${pool} of tenant "vpn" overlaps ${shared} of ${whose}, so the router cannot tell them apart: give the tenant a pool of its own in each family with a patch of the delegate's ipam, null for what it inherits`;
}

describe("wrapper routes router-config", () => {
  const run = (format: string): string => {
    let out = "";
    const io: Io = {
      env: {},
      args: [],
      readStdin: () => new Uint8Array(),
      stdinFile: () => undefined,
      stdout: (text) => void (out += text),
      coloured: () => {},
      stderr: () => {},
    };
    expect(routerConfigCommand(io, exampleConf({ ...ROUTER }), format)).toBe(0);
    return out;
  };

  test.each([
    ["nftables", "#!/bin/sh\n"],
    ["frr", "! Upstream router"],
    ["routeros", "# Upstream router"],
  ])("prints %s", (format, start) => {
    expect(run(format).startsWith(start)).toBe(true);
    expect(run(format)).toMatch(/[^\n]\n$/);
  });

  test("names the formats that it has", () => {
    expect(() => run("toString")).toThrow(
      'unknown format "toString" of a router\'s configuration: use nftables, frr, routeros',
    );
  });
});
