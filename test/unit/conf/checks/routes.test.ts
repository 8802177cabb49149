import { loadConf } from "../../../../conf/load";
import type { Json } from "../../../../lib/cni/json";
import { netconf, refusalText } from "../helpers";

type Changes = Readonly<Record<string, Json | undefined>>;
const routes = (part: Json): Changes => ({ routes: part });
const tenant = (part: object): Changes => ({ tenants: { a: { fwmark: "1", table: 9, ...part } } });
const gateways = (...list: Json[]): Changes => tenant({ gateways: list });
const router = (part: object): Changes => ({
  ...tenant({}),
  router: { nodes: ["10.0.0.11"], uplinks: { default: { dev: "wan0" } }, ...part },
});
const uplink = (part: object): Changes => router({ uplinks: { a: { dev: "vpn0", ...part } } });

const NETWORK = 'write a network such as "169.254.169.254/32"';
const POD_NETWORK = 'write a network such as "10.200.0.0/16"';
const NODE_NETWORK = 'write a network such as "10.200.1.0/24"';
const LAN = 'write a network such as "10.0.0.0/8"';
const HOST = "write one IPv4 or IPv6 address";
const NODES = 'list addresses such as ["10.0.0.11", "fd00::11"]';
const VIA = 'list addresses such as ["203.0.113.1", "2001:db8::1"]';
const CHECK = "write one IPv4 or IPv6 address behind the gateway, without prefix length";
const SNAT =
  'write "none", "masquerade", or an address (one for each family at most), such as "203.0.113.5"';
const TABLE = "write a number from 1 to 4294967295 other than 253, 254 and 255";
const ONCE =
  'is the same as an earlier gateway of this tenant: write each gateway once, with "weight" for its share';
const UPLINK = 'use the name of a tenant, or "default"';
const PRIORITY = "write a whole number from 1 to 32765, below 32766 of the main table's rule";
const FAMILIES = "has two addresses of one family: write one for each family at most";
const ORDER = "which are not in this order: write excludePriority < localPriority < tenantPriority";

describe("each of these is refused, in these words", () => {
  test.each<[string, Changes, string]>([
    [
      "equal priorities",
      routes({ tenantPriority: 32764 }),
      `/routes has priorities 32763 (exclude), 32764 (local) and 32764 (tenant), ${ORDER}`,
    ],
    [
      "exclusions after the main table",
      routes({ excludePriority: 32764 }),
      `/routes has priorities 32764 (exclude), 32764 (local) and 32765 (tenant), ${ORDER}`,
    ],
    [
      "a priority behind main's",
      routes({ tenantPriority: 32766 }),
      `/routes/tenantPriority is 32766, which is not valid: ${PRIORITY}`,
    ],
    [
      "a priority as text",
      routes({ localPriority: "100" }),
      `/routes/localPriority is "100", not of type integer: ${PRIORITY}`,
    ],
    [
      "an exclusion that is none",
      routes({ excludeDestinations: ["10.0.0.0/8", "300.1.1.1"] }),
      `/routes/excludeDestinations/1 is "300.1.1.1", which is no address or network: ${NETWORK}`,
    ],
    [
      "an exclusion with a long prefix",
      routes({ excludeDestinations: ["10.0.0.0/33"] }),
      `/routes/excludeDestinations/0 is "10.0.0.0/33", which is no address or network: ${NETWORK}`,
    ],
    [
      "everything excluded",
      routes({ excludeDestinations: ["0.0.0.0/0"] }),
      `/routes/excludeDestinations/0 is "0.0.0.0/0", which would exclude every destination: ${NETWORK}`,
    ],
    [
      "everything of IPv6 excluded",
      routes({ excludeDestinations: ["::1/0"] }),
      `/routes/excludeDestinations/0 is "::1/0", which would exclude every destination: ${NETWORK}`,
    ],
    [
      "an exclusion by name",
      routes({ excludeDestinations: ["metadata"] }),
      `/routes/excludeDestinations/0 is "metadata", which is not valid: ${NETWORK}`,
    ],
    [
      "one network as text",
      routes({ podNetworks: "10.0.0.0/8" }),
      '/routes/podNetworks is "10.0.0.0/8", not of type array: list networks such as "10.200.0.0/16"',
    ],
    [
      "a network twice",
      routes({ podNetworks: ["10.0.0.0/8", "10.0.0.0/8"] }),
      '/routes/podNetworks is ["10.0.0.0/8","10.0.0.0/8"], which has an item twice: write every item once',
    ],
    [
      "a pod network that is none",
      routes({ podNetworks: ["1:2"] }),
      `/routes/podNetworks/0 is "1:2", which is no address or network: ${POD_NETWORK}`,
    ],
    [
      "every address a pod's",
      routes({ podNetworks: ["::/0"] }),
      `/routes/podNetworks/0 is "::/0", which would make every address a pod's: ${POD_NETWORK}`,
    ],
    [
      "masquerading nobody knows what",
      routes({ masquerade: true }),
      '/routes/podNetworks is missing, which "masquerade" needs: list the pod networks of the cluster, such as ["10.200.0.0/16"]',
    ],
    [
      "forwarding nobody knows what",
      routes({ acceptForward: true, podNetworks: [] }),
      '/routes/podNetworks is missing, which "acceptForward" needs: list the pod networks of the cluster, such as ["10.200.0.0/16"]',
    ],
    [
      "a node route without next hop",
      routes({ nodeRoutes: [{ dst: "10.0.0.0/8" }] }),
      `/routes/nodeRoutes/0/via is missing: write one IPv4 or IPv6 address`,
    ],
    [
      "a node route to no network",
      routes({ nodeRoutes: [{ dst: "10.0.0", via: "10.0.0.1" }] }),
      `/routes/nodeRoutes/0/dst is "10.0.0", which is no address or network: ${NODE_NETWORK}`,
    ],
    [
      "a node route to everything",
      routes({ nodeRoutes: [{ dst: "0.0.0.0/0", via: "10.0.0.1" }] }),
      `/routes/nodeRoutes/0/dst is "0.0.0.0/0", which would be a default route: ${NODE_NETWORK}`,
    ],
    [
      "a node route by no host",
      routes({ nodeRoutes: [{ dst: "10.0.0.0/8", via: "127.0.0.1" }] }),
      `/routes/nodeRoutes/0/via is "127.0.0.1", which is not the address of a host: ${HOST}`,
    ],
    [
      "a node route of two families",
      routes({ nodeRoutes: [{ dst: "fd00::/8", via: "10.0.0.1" }] }),
      "/routes/nodeRoutes/0 has addresses of two families: write dst and via of the same family",
    ],
    [
      "two node routes to one network",
      routes({
        nodeRoutes: [
          { dst: "10.9.1.0/24", via: "10.0.0.1" },
          { dst: "10.9.1.7/24", via: "10.0.0.2" },
        ],
      }),
      '/routes/nodeRoutes/1/dst is "10.9.1.7/24", as of another route: write one route for each network',
    ],
    [
      "a names directory that climbs",
      routes({ namesDir: "/etc/../x" }),
      '/routes/namesDir is "/etc/../x", which is not valid: write an absolute path without "..", or "" for no names',
    ],
    [
      "a status file that is relative",
      routes({ watch: { statusFile: "x" } }),
      '/routes/watch/statusFile is "x", which is not valid: write an absolute path without "..", or "" to turn the status file off',
    ],
    [
      "too short an interval",
      routes({ watch: { interval: "99ms" } }),
      '/routes/watch/interval is "99ms", which is out of range: write a whole number and its unit (ms, s or m), from 100ms to 10m, such as "2s"',
    ],
    [
      "too long a limit",
      routes({ watch: { timeout: "2m" } }),
      '/routes/watch/timeout is "2m", which is out of range: write a whole number and its unit (ms, s or m), from 100ms to 1m, such as "1s"',
    ],
    [
      "too long a hold-down",
      routes({ watch: { holdDown: "61m" } }),
      '/routes/watch/holdDown is "61m", which is out of range: write a whole number and its unit (ms, s or m), from 100ms to 60m, such as "10s"',
    ],
    [
      "a count of 0",
      routes({ watch: { failAfter: 0 } }),
      "/routes/watch/failAfter is 0, which is not valid: write a whole number from 1 to 100",
    ],

    [
      "a translation nobody knows",
      tenant({ snat: "nat" }),
      `/tenants/a/snat is "nat", which is not valid: ${SNAT}`,
    ],
    [
      "a translation to no address",
      tenant({ snat: "1.2.3" }),
      `/tenants/a/snat is "1.2.3", which is not the address of a host: ${SNAT}`,
    ],
    [
      "a translation to localhost",
      tenant({ snat: ["::1", "127.0.0.1"] }),
      `/tenants/a/snat is "::1", which is not the address of a host: ${SNAT}; /tenants/a/snat is "127.0.0.1", which is not the address of a host: ${SNAT}`,
    ],
    [
      "a translation to two addresses",
      tenant({ snat: ["1.2.3.4", "1.2.3.5"] }),
      `/tenants/a/snat ${FAMILIES}`,
    ],
    [
      "a translation as object",
      tenant({ snat: {} }),
      `/tenants/a/snat is {}, not of type string or array: ${SNAT}`,
    ],
    [
      "an MTU that IPv4 forbids",
      tenant({ mtu: 575 }),
      "/tenants/a/mtu is 575, which is not valid: write a number of bytes from 576 to 65535, such as 1420",
    ],
    [
      "an MTU as text",
      tenant({ mtu: "1420" }),
      '/tenants/a/mtu is "1420", not of type integer: write a number of bytes from 576 to 65535, such as 1420',
    ],
    [
      "another answer to a lost gateway",
      tenant({ onGatewayLoss: "leak" }),
      '/tenants/a/onGatewayLoss is "leak", which is not valid: use one of "stop", "fallback"',
    ],
    [
      "a check of no host",
      gateways({ dev: "eth1", check: "0.0.0.0" }),
      `/tenants/a/gateways/0/check is "0.0.0.0", which is not the address of a host: ${CHECK}`,
    ],
    [
      "a check by name",
      gateways({ dev: "eth1", check: "example.org" }),
      `/tenants/a/gateways/0/check is "example.org", which is not valid: ${CHECK}`,
    ],
    [
      "a check of another family",
      gateways({ via: "10.0.0.1", check: "fd00::1" }),
      '/tenants/a/gateways/0/check is "fd00::1", of another family than "via": name an address that this gateway leads to',
    ],
    [
      "one check for two gateways",
      gateways({ via: "10.0.0.1", check: "192.0.2.1" }, { dev: "eth1", check: "192.0.2.1" }),
      '/tenants/a/gateways/1/check is "192.0.2.1", as of another gateway of this tenant: name another address for each gateway, because it is reached through one of them',
    ],
    [
      "a link-local gateway on no interface",
      gateways({ via: "fe80::1" }),
      '/tenants/a/gateways/0/via is "fe80::1", a link-local address, which every interface has a network for: name the interface too, as "dev"',
    ],
    [
      "one gateway twice",
      gateways({ via: "10.0.0.1" }, { via: "10.0.0.1", dev: "eth1" }),
      `/tenants/a/gateways/1 ${ONCE}`,
    ],
    [
      "one gateway in two spellings",
      gateways(
        { via: "fd00::1", dev: "eth1" },
        { via: "10.0.0.1" },
        { via: "FD00:0::1", dev: "eth1" },
      ),
      `/tenants/a/gateways/2 ${ONCE}`,
    ],
    [
      "one interface twice",
      gateways({ dev: "eth1" }, { dev: "eth1", check: "192.0.2.1" }),
      `/tenants/a/gateways/1 ${ONCE}`,
    ],
    [
      "one check in two spellings",
      gateways({ dev: "eth0", check: "fd00::1" }, { dev: "eth1", check: "FD00:0::1" }),
      '/tenants/a/gateways/1/check is "FD00:0::1", as of another gateway of this tenant: name another address for each gateway, because it is reached through one of them',
    ],
    [
      "two tenants with one table",
      { tenants: { a: { fwmark: "1", table: 9 }, b: { fwmark: "2", table: 9 } } },
      '/tenants/b/table is 9, the table of tenant "a": give every tenant a table of its own',
    ],

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
    const [, problems] =
      /^configuration of network "net": (.*); $/s.exec(refusalText(netconf(changes))) ?? [];
    expect(problems).toBe(text);
  });
});

test.each<[string, Changes]>([
  [
    "priorities around Cilium's",
    routes({ excludePriority: 90, localPriority: 101, tenantPriority: 102 }),
  ],
  [
    "single hosts and both families",
    routes({
      excludeDestinations: ["169.254.169.254", "fd00:ec2::254", "::ffff:0:0/96"],
      podNetworks: ["10.0.0.0/8", "fd00::/8"],
      masquerade: true,
      acceptForward: true,
    }),
  ],
  ["nothing excluded", routes({ excludeDestinations: [] })],
  [
    "a node route by a link-local address",
    routes({
      nodeRoutes: [
        { dst: "fd00:1::/64", via: "fe80::1", dev: "eth0" },
        { dst: "fd00::/8", via: "fe80::1", dev: "eth0" },
      ],
    }),
  ],
  [
    "two checks through one interface",
    gateways({ dev: "eth1", check: "192.0.2.1" }, { dev: "eth1", check: "2001:db8::1" }),
  ],
  [
    "one address behind two interfaces",
    gateways({ via: "fe80::1", dev: "eth1" }, { via: "fe80::1", dev: "eth2" }, { dev: "eth2" }),
  ],
  [
    "an uplink with a table of its own",
    router({ uplinks: { a: { dev: "vpn0", table: 10 }, default: { dev: "wan0", table: 9 } } }),
  ],
])("accepted: %s", (_title, changes) => {
  expect(loadConf(netconf(changes), "ADD").warnings).toEqual([]);
});
