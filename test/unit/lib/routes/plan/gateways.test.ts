import { gatewayKey, gatewaysOf } from "../../../../../lib/routes/plan/gateways";
import type { Gateway } from "../../../../../conf/types";
import type { NodeState, ResolvedGateway } from "../../../../../lib/routes/model";
import { tenantWith } from "../../../../helpers/conf-object";
import { connected, link, route, stateOf } from "../node-rig";

const STATE = stateOf({
  routes: [
    route("default"),
    connected("192.0.2.0/24", "eth1"),
    connected("192.0.2.128/25", "eth2"),
    connected("fd00:1::/64", "eth1"),
    route("10.0.0.0/8"),
  ],
  links: [
    link("eth0", "198.51.100.2"),
    {
      ...link("eth1", "192.0.2.9"),
      addresses: [
        { family: 4, address: "192.0.2.9" },
        { family: 6, address: "fd00:1::9" },
      ],
    },
    link("eth2", "192.0.2.129"),
    { ...link("tun0", "10.9.9.9"), addresses: [] },
  ],
});

function seen(gateway: Gateway, state: NodeState = STATE): readonly ResolvedGateway[] {
  return gatewaysOf(tenantWith({ gateways: [gateway] }), state);
}

const brief = (gateway: Gateway, state?: NodeState): string[] =>
  seen(gateway, state).map(({ family, via, dev, unusable }) =>
    [family, via ?? "-", dev ?? "-", unusable ?? "usable"].join(" "),
  );

test("the device is looked up by the most exact connected route", () => {
  expect(brief({ via: "192.0.2.1" })).toEqual(["4 192.0.2.1 eth1 usable"]);
  expect(brief({ via: "192.0.2.200" })).toEqual(["4 192.0.2.200 eth2 usable"]);
  expect(brief({ via: "FD00:1:0::1" })).toEqual(["6 fd00:1::1 eth1 usable"]);
});

test("what makes a gateway unusable", () => {
  expect(brief({ via: "203.0.113.1" })).toEqual(["4 203.0.113.1 - off-link"]);
  expect(brief({ via: "10.1.1.1" })).toEqual(["4 10.1.1.1 - off-link"]);
  expect(brief({ via: "192.0.2.200", dev: "eth0" })).toEqual(["4 192.0.2.200 eth0 off-link"]);
  expect(brief({ via: "192.0.2.1", dev: "eth9" })).toEqual(["4 192.0.2.1 eth9 device-missing"]);
  expect(
    brief(
      { via: "192.0.2.1", dev: "eth1" },
      stateOf({ links: [link("eth1", "192.0.2.9", { up: false })] }),
    ),
  ).toEqual(["4 192.0.2.1 eth1 device-down"]);
  expect(brief({ via: "192.0.2.9" })).toEqual(["4 192.0.2.9 eth1 own-address"]);
  expect(brief({ via: "192.0.2.9", dev: "eth2" })).toEqual(["4 192.0.2.9 eth2 own-address"]);
  expect(brief({ via: "FD00:1::0:9" })).toEqual(["6 fd00:1::9 eth1 own-address"]);
  expect(brief({ via: "not an address" })).toEqual(["4 not an address - off-link"]);
});

test("a device with several names has the name that the kernel prints", () => {
  const state = {
    ...STATE,
    links: STATE.links.map((each) =>
      each.name === "eth1" ? { ...each, altNames: ["enp0s31"] } : each,
    ),
  };
  expect(brief({ via: "192.0.2.1", dev: "enp0s31" }, state)).toEqual(["4 192.0.2.1 eth1 usable"]);
  expect(brief({ dev: "enp0s31" }, state)).toEqual(["4 - eth1 usable", "6 - eth1 usable"]);
});

test("a link-local gateway is on the link of its device", () => {
  expect(brief({ via: "fe80::1", dev: "eth1" })).toEqual(["6 fe80::1 eth1 usable"]);
});

test("a device alone is a gateway for the families of its addresses; a tunnel without any for IPv4", () => {
  expect(brief({ dev: "eth1" })).toEqual(["4 - eth1 usable", "6 - eth1 usable"]);
  expect(brief({ dev: "tun0" })).toEqual(["4 - tun0 usable"]);
  expect(brief({ dev: "eth9" })).toEqual(["4 - eth9 device-missing"]);
  expect(brief({ dev: "tun0", check: "2001:db8::1" })).toEqual(["6 - tun0 usable"]);
});

test("a family that the node does not have is left out", () => {
  expect(brief({ via: "fd00:1::1" }, { ...STATE, families: [4] })).toEqual([]);
});

test("health is asked about usable gateways only, and takes those out that fail", () => {
  const asked: string[] = [];
  const tenant = tenantWith({
    gateways: [
      { via: "192.0.2.1", weight: 3, check: "192.0.2.77" },
      { via: "192.0.2.2" },
      { via: "203.0.113.1" },
    ],
  });
  const gateways = gatewaysOf(tenant, STATE, (gateway) => {
    asked.push(gatewayKey(gateway));
    return gateway.weight === 3;
  });
  expect(asked).toEqual(["tenant-a 4 192.0.2.1 eth1", "tenant-a 4 192.0.2.2 eth1"]);
  expect(gateways.map(({ unusable }) => unusable)).toEqual([undefined, "failed", "off-link"]);
  expect(gateways[0]).toMatchObject({ weight: 3, check: "192.0.2.77" });
  expect(gatewayKey({ ...(gateways[2] as ResolvedGateway), via: undefined })).toBe(
    "tenant-a 4 - -",
  );
});
