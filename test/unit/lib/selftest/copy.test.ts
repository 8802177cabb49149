import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  copyList,
  forWatcher,
  withKubeconfig,
  type ConfList,
  type CopyPlace,
} from "../../../../lib/selftest/copy";
import { isolate, patchBetween } from "../../../../lib/selftest/isolate";
import { loadConf } from "../../../../conf/load";
import { mergePatch } from "../../../../conf/merge-patch";
import { effectiveDelegate } from "../../../../delegates/netconf";
import type { JsonObject } from "../../../../lib/cni/json";

const EXAMPLES = join(__dirname, "../../../../conf/examples");
const PLACE: CopyPlace = {
  dir: "/tmp/place",
  leases: "/tmp/place/leases",
  ipv6: true,
  iptables: undefined,
  has: () => true,
};
const OURS = { type: "tenant-routing-wrapper", kubeconfig: "/etc/kubelet.conf" };
const POOL = { type: "host-local", subnet: "10.1.0.0/24", dataDir: "/var/lib/mine" };

function listOf(...plugins: readonly JsonObject[]): ConfList {
  return { name: "net", cniVersion: "1.0.0", plugins };
}

function copy(list: ConfList, place: Partial<CopyPlace> = {}) {
  const ours = list.plugins.find(({ type }) => type === OURS.type) ?? {};
  const { conf } = loadConf({ ...ours, name: list.name, cniVersion: list.cniVersion }, "STATUS");
  return copyList(list, conf, { ...PLACE, ...place });
}

function oursIn({ list }: ReturnType<typeof copy>): JsonObject {
  return list.plugins.find(({ type }) => type === OURS.type) ?? {};
}

test("every path leads into the test's directory, and the kubeconfig is gone", () => {
  const routes = {
    namesDir: "/etc/names",
    watch: { statusFile: "/run/mine.json" },
    podNetworks: ["10.1.0.0/16"],
  };
  const copied = copy(
    listOf({
      ...OURS,
      dataDir: "/run/mine",
      logFile: "/var/log/mine.log",
      routes,
      delegate: { type: "ptp", ipam: POOL },
    }),
  );
  const ours = oursIn(copied);
  expect(ours).toMatchObject({
    dataDir: "/tmp/place/state",
    logFile: "/tmp/place/wrapper.log",
    routes: {
      namesDir: "/tmp/place/rt_tables.d",
      watch: { statusFile: "/tmp/place/status.json" },
      podNetworks: ["10.1.0.0/16"],
    },
  });
  expect(ours["delegate"]).toEqual({
    type: "ptp",
    ipam: { ...POOL, dataDir: "/tmp/place/leases" },
  });
  expect(JSON.stringify(copied.list).match(/\/(run|etc|var)\/[^"]*/g)).toBeNull();
  expect(copied.notes).toEqual([]);
});

test("links are not made: the test node has interfaces of the gateways' names", () => {
  const links = { vpn0: { type: "macvlan", parent: "eth0" } };
  const copied = copy(
    listOf({ ...OURS, routes: { links }, delegate: { type: "ptp", ipam: POOL } }),
  );
  expect(oursIn(copied)["routes"]).not.toHaveProperty("links");
});

test("excluded networks that the test's internet is in are left out", () => {
  const copied = copy(
    listOf({
      ...OURS,
      routes: { excludeDestinations: ["203.0.113.0/24", "169.254.169.254", "2001:db8::/32"] },
      delegate: { type: "ptp", ipam: POOL },
    }),
  );
  expect(oursIn(copied)).toMatchObject({ routes: { excludeDestinations: ["169.254.169.254"] } });
});

test.each(readdirSync(EXAMPLES))(
  "the copy of %s is a configuration without mistakes, with and without an API server",
  (name) => {
    const { list } = copy(JSON.parse(readFileSync(join(EXAMPLES, name), "utf8")) as ConfList);
    for (const one of [list, withKubeconfig(list, "/tmp/place/kubeconfig")]) {
      const ours = one.plugins.find(({ type }) => type === OURS.type) ?? {};
      expect(() =>
        loadConf({ ...ours, name: one.name, cniVersion: one.cniVersion }, "STATUS"),
      ).not.toThrow();
    }
  },
);

test("a tenant's patch makes of the copied delegate the copy of what it makes of the real one", () => {
  const delegate = { type: "ptp", mtu: 1400, ipam: POOL };
  const patch = { mtu: null, ipam: { subnet: "10.2.0.0/24", dataDir: "/var/lib/theirs" } };
  const ours = oursIn(
    copy(listOf({ ...OURS, delegate, tenants: { a: { fwmark: "0x10/0xff", delegate: patch } } })),
  );
  const tenants = ours["tenants"] as { a: { delegate: JsonObject } };
  expect(effectiveDelegate(ours["delegate"] as JsonObject, tenants.a.delegate)).toEqual({
    type: "ptp",
    ipam: { ...POOL, subnet: "10.2.0.0/24", dataDir: "/tmp/place/leases" },
  });
});

test("plugins with daemons and files of the node behind them are not run: ptp takes the main one's place, the others are left out", () => {
  const { list, notes } = copy(
    listOf({ type: "flannel" }, { ...OURS }, { type: "portmap" }, { type: "cilium-cni" }),
  );
  expect(list.plugins.map(({ type }) => type)).toEqual(["ptp", OURS.type, "portmap"]);
  expect(notes).toEqual([
    expect.stringContaining("the plugin flannel"),
    expect.stringContaining(": cilium-cni"),
  ]);
  const replaced = copy(listOf({ ...OURS, delegate: { type: "calico" } }));
  expect(oursIn(replaced)["delegate"]).toMatchObject({ type: "ptp", ipam: { type: "host-local" } });
});

test("portmap is left out where it is not installed", () => {
  const { list, notes } = copy(
    listOf({ ...OURS, delegate: { type: "ptp", ipam: POOL } }, { type: "portmap" }),
    { has: () => false },
  );
  expect(list.plugins.map(({ type }) => type)).toEqual([OURS.type]);
  expect(notes.join()).toContain("portmap");
});

test("an IPAM plugin without leases of its own is replaced, for the families that the node has", () => {
  const { delegate, notes } = isolate(
    { type: "bridge", bridge: "br1", ipam: { type: "dhcp" } },
    { leases: "/l", ipv6: false },
  );
  expect(delegate).toMatchObject({
    type: "bridge",
    bridge: "br1",
    ipam: { type: "host-local", dataDir: "/l", ranges: [[{ subnet: "198.18.128.0/24" }]] },
  });
  expect(notes.join()).toContain("dhcp");
});

test.each<[JsonObject, JsonObject]>([
  [
    { a: 1, b: { c: 1, d: [1] } },
    { b: { c: 2, d: [1, 2] }, e: {} },
  ],
  [{ a: { b: 1 } }, { a: [1] }],
  [{}, { a: { b: { c: true } } }],
])("the patch between two objects makes the one of the other", (from, to) => {
  expect(mergePatch(from, patchBetween(from, to))).toEqual(to);
});

test("the watcher's copy asks the gateways themselves, and soon", () => {
  const gateway = { via: "10.0.0.1", dev: "eth1" };
  const other = { type: "portmap", tenants: { a: { gateways: [{ check: "10.0.0.9" }] } } };
  const asked = { ...gateway, check: "192.0.2.1" };
  const routes = [{ to: ["198.51.100.0/24"], gateways: [asked] }];
  const copied = copy(
    listOf(
      { ...OURS, tenants: { a: { fwmark: "0x10", table: 100, gateways: [asked], routes } } },
      other,
    ),
  );
  const [ours, ...rest] = forWatcher({
    ...copied.list,
    plugins: [oursIn(copied), other],
  }).plugins;
  expect(ours).toMatchObject({
    tenants: {
      a: {
        gateways: [gateway],
        routes: [{ to: ["198.51.100.0/24"], gateways: [gateway] }],
      },
    },
    routes: { watch: { statusFile: "/tmp/place/status.json", failAfter: 2 } },
  });
  expect(JSON.stringify(ours)).not.toContain("check");
  expect(rest).toEqual([other]);
});
