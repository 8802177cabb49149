/** The section `router`: nodes, LAN and uplinks. */
import { expectAccepted, expectProblems, type Changes } from "../helpers";

const tenant = (part: object): Changes => ({ tenants: { a: { fwmark: "1", table: 9, ...part } } });
const router = (part: object): Changes => ({
  ...tenant({}),
  router: { nodes: ["10.0.0.11"], uplinks: { default: { dev: "wan0" } }, ...part },
});
const uplink = (part: object): Changes => router({ uplinks: { a: { dev: "vpn0", ...part } } });
const LAN = 'write a network such as "10.0.0.0/8"';
const NODES = 'list addresses such as ["10.0.0.11", "fd00::11"]';
const VIA = 'list addresses such as ["203.0.113.1", "2001:db8::1"]';
const SNAT =
  'write "none", "masquerade", or an address (one for each family at most), such as "203.0.113.5"';
const TABLE = "write a number from 1 to 4294967295 other than 253, 254 and 255";
const UPLINK = 'use the name of a tenant, or "default"';
const FAMILIES = "has two addresses of one family: write one for each family at most";

describe("each of these is refused, in these words", () => {
  test.each<[string, Changes, string]>([
    [
      "a router without nodes",
      { router: { uplinks: { default: { dev: "wan0" } } } },
      `/router/nodes is missing: ${NODES}`,
    ],
    [
      "a router without uplinks",
      { router: { nodes: ["10.0.0.11"], uplinks: {} } },
      '/router/uplinks is {}, which is not valid: map tenant names to uplinks, such as {"vpn": {"dev": "vpn0"}}',
    ],
    [
      "a node that is no host",
      router({ nodes: ["1.2.3"] }),
      `/router/nodes is "1.2.3", which is not the address of a host: ${NODES}`,
    ],
    [
      "two addresses of the node",
      router({ nodes: ["10.0.0.11", "10.0.0.12"] }),
      `/router/nodes ${FAMILIES}`,
    ],
    [
      "a LAN that is none",
      router({ lan: ["10.0.0.0/8", "1.1"] }),
      `/router/lan/1 is "1.1", which is no address or network: ${LAN}`,
    ],
    [
      "a LAN of everything",
      router({ lan: ["0.0.0.0/0"] }),
      `/router/lan/0 is "0.0.0.0/0", which would keep every packet to the main table: ${LAN}`,
    ],
    [
      "an uplink without device",
      router({ uplinks: { default: {} } }),
      "/router/uplinks/default/dev is missing: write an interface name of 1 to 15 characters, such as wan0",
    ],
    [
      "an uplink of nobody",
      router({ uplinks: { b: { dev: "vpn0" } } }),
      `/router/uplinks/b is not the name of a tenant: ${UPLINK}`,
    ],
    [
      "an uplink that no tenant can have",
      router({ uplinks: { "a/b": { dev: "vpn0" } } }),
      `/router/uplinks/a~1b is not a usable name: ${UPLINK}`,
    ],
    [
      "an uplink called like a property of every object",
      router({ uplinks: { constructor: { dev: "vpn0" } } }),
      `/router/uplinks/constructor is not the name of a tenant: ${UPLINK}`,
    ],
    [
      "an uplink by no host",
      uplink({ via: ["224.0.0.1"] }),
      `/router/uplinks/a/via is "224.0.0.1", which is not the address of a host: ${VIA}`,
    ],
    [
      "an uplink by two hosts",
      uplink({ via: ["10.0.0.1", "10.0.0.2"] }),
      `/router/uplinks/a/via ${FAMILIES}`,
    ],
    [
      "an uplink in the main table",
      uplink({ table: 254 }),
      `/router/uplinks/a/table is 254, which is not valid: ${TABLE}`,
    ],
    [
      "an uplink without a table",
      {
        tenants: { a: { fwmark: "1" } },
        router: { nodes: ["10.0.0.11"], uplinks: { a: { dev: "vpn0" } } },
      },
      "/router/uplinks/a/table is missing, and the tenant has none either: write the number of the router's table",
    ],
    [
      "two uplinks with one table",
      router({ uplinks: { a: { dev: "vpn0" }, default: { dev: "wan0", table: 9 } } }),
      '/router/uplinks/default/table is 9, the table of uplink "a": give every uplink a table of its own',
    ],
    [
      "IPv6 where IPv4 belongs",
      uplink({ snat: "2001:db8::5" }),
      '/router/uplinks/a/snat is "2001:db8::5", of the other family: write an IPv4 address, or use "snat6"',
    ],
    [
      "IPv4 where IPv6 belongs",
      uplink({ snat6: ["203.0.113.5"] }),
      '/router/uplinks/a/snat6 is "203.0.113.5", of the other family: write an IPv6 address, or use "snat"',
    ],
    [
      "an uplink translated to nothing",
      uplink({ snat6: "a.b" }),
      `/router/uplinks/a/snat6 is "a.b", which is not the address of a host: ${SNAT}`,
    ],
  ])("%s", (_title, changes, text) => {
    expectProblems(changes, text);
  });
});

test.each<[string, Changes]>([
  [
    "an uplink with a table of its own",
    router({ uplinks: { a: { dev: "vpn0", table: 10 }, default: { dev: "wan0", table: 9 } } }),
  ],
])("accepted: %s", (_title, changes) => {
  expectAccepted(changes);
});
