import type { PluginConf } from "../../../../../conf/types";
import { TENANTS, confOf, link, stateOf } from "../node-rig";
import { found, one, only } from "./rig";

const links = [link("eth0", "198.51.100.2"), link("eth1", "192.0.2.9", { mtu: 1450 })];

test("mtu: pods send larger packets than their gateway's interface carries", () => {
  const { tenant, text } = only("mtu", found(stateOf({ links }), one({})));
  expect(tenant).toBe("a");
  expect(text).toBe(
    "pods of tenant a have an MTU of 1500, but eth1, which their packets leave by, has 1450, so their larger packets are refused or lost: set /tenants/a/delegate/mtu, or /delegate/mtu for all pods, to 1450",
  );
});

test("mtu: the tenant's own route allows less than its interface", () => {
  expect(
    only("mtu", found(stateOf({ links }), one({ mtu: 1400, delegate: { mtu: 1450 } }))).text,
  ).toContain("an MTU of 1450, but the tenant's route allows 1400");
});

test("mtu: the tenant's change to the delegate counts, and is the key to change", () => {
  expect(found(stateOf({ links }), one({ delegate: { mtu: 1450 } }))).toEqual([]);
  expect(only("mtu", found(stateOf({ links }), one({ delegate: { mtu: 9000 } }))).text).toContain(
    "set /tenants/a/delegate/mtu to 1450",
  );
});

test("mtu: macvlan has its parent's, and what other delegates have is not known", () => {
  const ipam = { type: "host-local", subnet: "10.200.0.0/18" };
  const big = [link("eth0", "198.51.100.2", { mtu: 9000 }), link("eth1", "192.0.2.9")];
  const withDelegate = (delegate: object): PluginConf =>
    confOf({ tenants: { a: TENANTS.a }, delegate: { ...delegate, ipam } });
  expect(
    only("mtu", found(stateOf({ links: big }), withDelegate({ type: "macvlan", master: "eth0" })))
      .text,
  ).toContain("an MTU of 9000, but eth1");
  expect(found(stateOf({ links }), withDelegate({ type: "somebody-elses" }))).toEqual([]);
  expect(
    found(stateOf({ links }), withDelegate({ type: "bridge", bridge: "cni0", mtu: 1400 })),
  ).toEqual([]);
});

test("mtu: chained behind another plugin, the pods' MTU is not ours to know", () => {
  expect(found(stateOf({ links }), { ...confOf(), delegate: undefined })).toEqual([]);
});
