/** A tenant's gateways, table, MTU and translation. */
import type { Json } from "../../../../lib/cni/json";
import { expectAccepted, expectProblems, type Changes } from "../helpers";

const tenant = (part: object): Changes => ({ tenants: { a: { fwmark: "1", table: 9, ...part } } });
const gateways = (...list: Json[]): Changes => tenant({ gateways: list });
const CHECK = "write one IPv4 or IPv6 address behind the gateway, without prefix length";
const SNAT =
  'write "none", "masquerade", or an address (one for each family at most), such as "203.0.113.5"';
const ONCE =
  'is the same as an earlier gateway of this tenant: write each gateway once, with "weight" for its share';
const FAMILIES = "has two addresses of one family: write one for each family at most";

describe("each of these is refused, in these words", () => {
  test.each<[string, Changes, string]>([
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
  ])("%s", (_title, changes, text) => {
    expectProblems(changes, text);
  });
});

test.each<[string, Changes]>([
  [
    "two checks through one interface",
    gateways({ dev: "eth1", check: "192.0.2.1" }, { dev: "eth1", check: "2001:db8::1" }),
  ],
  [
    "one address behind two interfaces",
    gateways({ via: "fe80::1", dev: "eth1" }, { via: "fe80::1", dev: "eth2" }, { dev: "eth2" }),
  ],
])("accepted: %s", (_title, changes) => {
  expectAccepted(changes);
});
