/** Networks with gateways of their own: what is taken, and what is refused. */
import { loadConf } from "../../../conf/load";
import type { Json } from "../../../lib/cni/json";
import { type Changes, expectAccepted, expectRefusal, netconf } from "./helpers";

const GATEWAYS = [{ via: "10.10.10.1" }, { via: "fd00:10::1" }];
const OTHERS = [{ via: "10.10.20.1" }];
const routed = (routes: Json, gateways: Json = GATEWAYS): Changes => ({
  tenants: { a: { fwmark: "16", table: 100, gateways, routes } },
});
const to = (...networks: string[]): Json => ({ to: networks, gateways: OTHERS });

test("an entry has its networks, its gateways and what their loss means; stop by default", () => {
  const changes = routed([
    { to: ["198.51.100.0/24"], gateways: OTHERS, onGatewayLoss: "fallback", mtu: 1400 },
    { to: ["2001:db8:5::/48", "192.0.2.0/24"], gateways: [{ dev: "tun0" }] },
  ]);
  expectAccepted(changes);
  expect(loadConf(netconf(changes), "ADD").conf.tenants?.[0]?.routes).toEqual([
    { to: ["198.51.100.0/24"], gateways: OTHERS, onGatewayLoss: "fallback", mtu: 1400 },
    {
      to: ["2001:db8:5::/48", "192.0.2.0/24"],
      gateways: [{ dev: "tun0" }],
      onGatewayLoss: "stop",
    },
  ]);
});

test("one gateway may be in several lists, and networks may be inside each other", () => {
  const gateway = { via: "10.10.10.1", check: "192.0.2.1" };
  expectAccepted(
    routed([{ to: ["198.51.0.0/16"], gateways: [gateway] }, to("198.51.100.0/24")], [gateway]),
  );
});

test("a tenant may have networks alone", () => {
  expectAccepted({ tenants: { a: { fwmark: "16", table: 100, routes: [to("192.0.2.0/24")] } } });
});

describe("each of these is refused, with its pointer and a hint", () => {
  test.each<[string, Changes, string, string]>([
    ["no entry", routed([]), "/tenants/a/routes is []", "at least one entry"],
    ["no network", routed([to()]), "/tenants/a/routes/0/to is []", "at least one network"],
    [
      "an entry without gateways",
      routed([{ to: ["192.0.2.0/24"] }]),
      "/tenants/a/routes/0/gateways is missing",
      "at least one gateway",
    ],
    [
      "routes without a table",
      { tenants: { a: { fwmark: "16", routes: [to("192.0.2.0/24")] } } },
      "/tenants/a/table is missing",
      "write a number",
    ],
    [
      "what is no network",
      routed([to("192.0.2.0/33")]),
      '/tenants/a/routes/0/to/0 is "192.0.2.0/33", which is no address or network',
      "write a network",
    ],
    [
      "every destination",
      routed([to("192.0.2.0/24", "0.0.0.0/0")]),
      '/tenants/a/routes/0/to/1 is "0.0.0.0/0", which is every destination',
      'into "gateways" of the tenant',
    ],
    [
      "one network twice, however it is written",
      routed([to("192.0.2.0/24"), to("192.0.2.9/24")]),
      '/tenants/a/routes/1/to/0 is "192.0.2.9/24", the network of /tenants/a/routes/0/to/0',
      "once",
    ],
    [
      "a network of a family without a gateway",
      routed([to("192.0.2.0/24", "2001:db8::/32")]),
      '/tenants/a/routes/0/to/1 is "2001:db8::/32", and no gateway of this entry is of its family',
      'list one in "gateways"',
    ],
    [
      "a gateway of a family without a network",
      routed([{ to: ["192.0.2.0/24"], gateways: GATEWAYS }]),
      '/tenants/a/routes/0/gateways/1 is of IPv6, and no network of "to" is',
      'list its networks in "to"',
    ],
    [
      "a fallback to nothing",
      {
        tenants: {
          a: {
            fwmark: "16",
            table: 100,
            routes: [{ to: ["192.0.2.0/24"], gateways: OTHERS, onGatewayLoss: "fallback" }],
          },
        },
      },
      '/tenants/a/routes/0/onGatewayLoss is "fallback", and the tenant has no gateways to fall back to',
      'use "stop"',
    ],
    [
      "a check that is a network",
      routed(
        [{ to: ["192.0.2.1"], gateways: OTHERS }],
        [{ via: "10.10.10.1", check: "192.0.2.1" }],
      ),
      '/tenants/a/gateways/0/check is "192.0.2.1", the network of /tenants/a/routes/0/to/0',
      "another address",
    ],
    [
      "two gateways, one check",
      routed(
        [{ to: ["198.51.100.0/24"], gateways: [{ via: "10.10.20.1", check: "192.0.2.1" }] }],
        [{ via: "10.10.10.1", check: "192.0.2.1" }],
      ),
      '/tenants/a/routes/0/gateways/0/check is "192.0.2.1", as of another gateway of this tenant',
      "another address for each gateway",
    ],
    [
      "one gateway, two checks",
      routed(
        [{ to: ["198.51.100.0/24"], gateways: [{ via: "10.10.10.1" }] }],
        [{ via: "10.10.10.1", check: "192.0.2.1" }],
      ),
      '/tenants/a/routes/0/gateways/0/check is left out, and /tenants/a/gateways/0, the same gateway, has "192.0.2.1"',
      "the same check wherever",
    ],
    [
      "one gateway twice in an entry",
      routed([{ to: ["192.0.2.0/24"], gateways: [...OTHERS, ...OTHERS] }]),
      "/tenants/a/routes/0/gateways/1 is the same as an earlier gateway",
      "once",
    ],
  ])("%s", (_title, changes, problem, hint) => {
    expectRefusal(changes, problem, hint);
  });
});
