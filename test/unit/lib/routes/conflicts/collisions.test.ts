import { findCollisions } from "../../../../../lib/routes/conflicts/collisions";
import { desiredRoutes } from "../../../../../lib/routes/plan/desired";
import type { Collision } from "../../../../../lib/routes/conflicts/kinds";
import { collisionText } from "../../../../../lib/routes/conflicts/text";
import { parsePrefix, type Prefix } from "../../../../../lib/net/address";
import { withPods } from "../../../../../lib/routes/conflicts/hit-pods";
import type { CarriedMark, NodeState, Surroundings } from "../../../../../lib/routes/model";
import { KERNEL_RULES, confOf, inputOf, link, route, rule, stateOf, useOf } from "../node-rig";

const FREE = /free on this node: a 0x[0-9a-f]+\/0x[0-9a-f]+, b 0x[0-9a-f]+\/0x[0-9a-f]+/;
/** A collision with its sentence. */
type Told = Collision & { readonly text: string };

function found(
  change: Partial<NodeState> = {},
  surroundings: Partial<Surroundings> = {},
  conf = confOf(),
): readonly Told[] {
  return findCollisions(inputOf(conf, stateOf(change), surroundings)).map((each) => ({
    ...each,
    text: collisionText(each),
  }));
}

function only(collisions: readonly Told[]): Told {
  expect(collisions).toHaveLength(1);
  return collisions[0] as Told;
}

const withRules = (...rules: NodeState["rules"]): Partial<NodeState> => ({
  rules: [...KERNEL_RULES, ...rules],
});

test("a node with nobody else has no collision", () => {
  expect(found()).toEqual([]);
});

test("a node that already is as planned has no collision", () => {
  const plan = desiredRoutes(confOf(), stateOf());
  const state = {
    rules: [...KERNEL_RULES, ...plan.rules.map(({ item }) => item)],
    routes: [...stateOf().routes, ...plan.routes.map(({ item }) => item)],
  };
  expect(found(state)).toEqual([]);
});

test("mark: another's rule sets the very value of a tenant", () => {
  const { kind, tenant, text } = only(
    found({}, { markUses: [useOf("iptables-nft mangle VPN", 0x30, 0x10)] }).filter(
      (each) => each.kind === "mark",
    ),
  );
  expect([kind, tenant]).toEqual(["mark", "a"]);
  expect(text).toContain(
    "mark 0x10/0xff of tenant a and 0x10/0x30 of iptables-nft mangle VPN are the same in the common bits 0x30",
  );
  expect(text).toMatch(FREE);
});

test("mask: another uses bits inside a tenant's mask for a value of its own", () => {
  const collisions = found({}, { markUses: [useOf("iptables-nft mangle X", 0x4, 0x4)] });
  expect(collisions.map(({ kind, tenant }) => [kind, tenant])).toEqual([
    ["mask", "a"],
    ["mask", "b"],
  ]);
  expect(collisions[0]?.text).toContain(
    "mark 0x10/0xff of tenant a and 0x4/0x4 of iptables-nft mangle X have the bits 0x4 in common",
  );
  expect(collisions[0]?.text).toMatch(FREE);
});

test("mask: a value of 0 in the common bits is every packet's, and so taken for nobody's", () => {
  const conf = confOf({ tenants: { a: { fwmark: "0x10/0x1f", table: 100 } } });
  expect(only(found({}, { markUses: [useOf("nft inet t c", 0x2f, 0x20)] }, conf)).kind).toBe(
    "mask",
  );
});

test("bits beside a tenant's mask are no collision", () => {
  expect(
    found({}, { markUses: [useOf("iptables-nft nat KUBE-POSTROUTING", 0x4000, 0x4000)] }),
  ).toEqual([]);
});

test("many uses in one table are one collision for each tenant", () => {
  const markUses = Array.from({ length: 13 }, (_, i) =>
    useOf(`iptables-nft mangle POD-${i}`, 0x4, 0x4),
  );
  const collisions = found({}, { markUses });
  expect(collisions).toHaveLength(2);
  expect(collisions[0]?.text).toContain(
    "iptables-nft mangle POD-0 (and 12 more like it, also in iptables-nft mangle POD-1, iptables-nft mangle POD-2 and 10 more)",
  );
});

test("a user of the whole mark is named as such, because no mask avoids it", () => {
  const [first] = found({}, { markUses: [useOf("nft ip vpn c", 0xffffffff, 0xca6c)] });
  expect(first).toMatchObject({ kind: "mask", tenant: "a" });
  expect(first?.text).toContain("0xca6c of the whole mark of nft ip vpn c");
  expect(first?.text).toContain("give that rule a mask");
  expect(first?.text).toContain(
    "apart from nft ip vpn c, whose use of the whole mark no mask avoids",
  );
});

test("mark and table: another's ip rule leads a tenant's mark to the tenant's table", () => {
  const collisions = found(
    withRules(rule(50, { fwmark: { value: 0x10, mask: 0xffffffff }, table: 100, protocol: 3 })),
  );
  expect(collisions.map(({ kind, tenant }) => [kind, tenant])).toEqual([
    ["mark", "a"],
    ["mask", "b"],
    ["table", "a"],
  ]);
  expect(collisions[0]?.text).toContain("of ip rule 50");
  expect(collisions[2]?.text).toContain('"ip -4 rule pref 50 fwmark 0x10/0xffffffff lookup 100"');
});

test("mask: a known user that was recognised by its interface, with its own remedy", () => {
  const [first] = found({ links: [...stateOf().links, link("cilium_host", "10.0.0.1")] });
  expect(first).toMatchObject({ kind: "mask", tenant: "a" });
  expect(first?.text).toContain("Cilium (interface cilium_host)");
  expect(first?.text).toContain("enable-identity-mark");
});

test("mark: a known user with a tenant's own value, recognised by its interface", () => {
  const marks = found({ links: [...stateOf().links, link("kubespan", "10.0.0.1")] }).filter(
    ({ kind }) => kind === "mark",
  );
  expect(only(marks)).toMatchObject({ tenant: "b" });
  expect(marks[0]?.text).toContain("0x20/0x60 of Talos KubeSpan (interface kubespan)");
});

test("mask: a known user that was recognised by a chain or a table", () => {
  const conf = confOf({ tenants: { a: { fwmark: "0x4000/0x4000", table: 100 } } });
  expect(only(found({}, { chains: ["KUBE-MARK-MASQ"] }, conf)).text).toContain(
    "kube-proxy (chain KUBE-MARK-MASQ)",
  );
  expect(only(found({}, { nftTables: ["ip kube-proxy"] }, conf)).text).toContain(
    "kube-proxy (nftables table ip kube-proxy)",
  );
});

test("table: another's rule looks a tenant's table up", () => {
  const { kind, tenant, text } = only(
    found(withRules(rule(1000, { from: "10.1.0.0/16", table: 100 }))),
  );
  expect([kind, tenant]).toEqual(["table", "a"]);
  expect(text).toContain("table 100 of tenant a is looked up by");
  expect(text).toContain(
    ": ip -4 rule del pref 1000 from 10.1.0.0/16 lookup 100 protocol kernel; or give the tenant another table",
  );
});

test("table: a tenant's table has foreign routes", () => {
  const { kind, tenant, text } = only(
    found({ routes: [...stateOf().routes, route("10.9.0.0/16", { table: 200 })] }),
  );
  expect([kind, tenant]).toEqual(["table", "b"]);
  expect(text).toContain(
    '"ip -4 route 10.9.0.0/16 via 198.51.100.1 dev eth0 table 200 protocol 3"',
  );
});

test("priority: a foreign rule is at one of ours", () => {
  const { kind, text } = only(found(withRules(rule(32765, { from: "10.1.0.0/16", table: 77 }))));
  expect(kind).toBe("priority");
  expect(text).toContain("priority 32765, which is for packets of tenant a, is used by");
});

test("priority: where Cilium has moved the rule for the local table behind ours", () => {
  const routes = { excludePriority: 49, localPriority: 50, tenantPriority: 51 };
  const moved = KERNEL_RULES.map((each) =>
    each.table === 255 ? { ...each, priority: 100 } : each,
  );
  expect(found({ rules: moved })).toEqual([]);
  const collisions = found({ rules: moved }, {}, confOf({ routes }));
  expect(collisions.map(({ kind }) => kind)).toEqual(["priority", "priority"]);
  expect(collisions[0]?.text).toContain(
    "the IPv4 rule for the local table is at 100 and our first rule is at 49",
  );
  expect(collisions[0]?.text).toContain("set priorities above 100");
});

test("priority: the rule for the local table is missing, or is only for some packets", () => {
  const rules = KERNEL_RULES.map((each) =>
    each.table === 255 && each.family === 6 ? { ...each, from: "fd00::/8" } : each,
  );
  expect(only(found({ rules })).text).toContain(
    'put it back with "ip -6 rule add pref 0 lookup local"',
  );
});

test("route: the main table has another route where the plan puts its own", () => {
  const conf = confOf({ routes: { nodeRoutes: [{ dst: "10.201.0.0/18", via: "198.51.100.7" }] } });
  const { kind, text } = only(
    found({ routes: [...stateOf().routes, route("10.201.0.0/18")] }, {}, conf),
  );
  expect(kind).toBe("route");
  expect(text).toContain(
    'the main table has "ip -4 route 10.201.0.0/18 via 198.51.100.1 dev eth0 table main protocol 3"',
  );
  expect(found({}, {}, conf)).toEqual([]);
});

test("unseen: what could not be read", () => {
  expect(only(found({}, { unseen: ["iptables-nft-save failed"] }))).toEqual({
    kind: "unseen",
    tenant: undefined,
    problem: "iptables-nft-save failed",
    text: "iptables-nft-save failed, so it is not known who else uses marks there: fix that, or go ahead with --force once you know that nobody uses the tenants' bits",
  });
});

test("name: the number of a tenant's table has another name", () => {
  const { kind, tenant, text } = only(
    found({}, { tableNames: [{ number: 100, name: "vpn", file: "/etc/iproute2/rt_tables" }] }),
  );
  expect([kind, tenant]).toEqual(["name", "a"]);
  expect(text).toContain(
    "/etc/iproute2/rt_tables calls table 100 vpn, but tenant a has table 100 under the name tenant-a",
  );
});

test("name: the name of a tenant's table has another number, and the same name for the same number is fine", () => {
  const entry = (number: number) => ({
    tableNames: [{ number, name: "tenant-b", file: "/etc/iproute2/rt_tables.d/x.conf" }],
  });
  expect(only(found({}, entry(7)))).toMatchObject({ kind: "name", tenant: "b" });
  expect(found({}, entry(200))).toEqual([]);
  expect(found({}, entry(7), confOf({ routes: { namesDir: "" } }))).toEqual([]);
});

describe("a foreign rule that marks a pod", () => {
  const use = (chain: string) => ({
    ...useOf(`iptables-nft mangle ${chain}`, 0xff, 0x20),
    rule: {
      text: "-s 10.1.0.5/32 -j MARK --set-xmark 0x20/0xff",
      removal: `iptables-nft -w -t mangle -D ${chain} -s 10.1.0.5/32 -j MARK --set-xmark 0x20/0xff`,
      sources: [parsePrefix("10.1.0.5/32") as Prefix],
      writes: true,
    },
  });
  const pods: readonly CarriedMark[] = [
    { mark: { value: 0x10, mask: 0xff }, pod: "shop/web-0", addresses: ["10.1.0.5"] },
    { mark: { value: 0x20, mask: 0xff }, pod: "shop/web-1", addresses: ["10.1.0.6"] },
  ];
  const told = (chain: string): string =>
    withPods(found({}, { markUses: [use(chain)] }), pods)
      .filter(({ kind }) => kind === "mark")
      .map(collisionText)
      .join();

  test("is shown with that pod and the command that removes it", () => {
    expect(told("PREROUTING")).toMatch(
      /iptables-nft mangle PREROUTING "-s 10\.1\.0\.5\/32 -j MARK --set-xmark 0x20\/0xff" are the same .* packets of one are taken for the other's, which hits shop\/web-0: iptables-nft -w -t mangle -D PREROUTING -s .* 0x20\/0xff; or give the tenants other marks/,
    );
  });

  test("of a known project is not to be deleted", () => {
    expect(told("CILIUM_PRE_mangle")).not.toContain("-D CILIUM");
  });

  test("of a rule without addresses, the pods of the tenant are hit", () => {
    const [collision] = withPods(
      found(withRules(rule(50, { fwmark: { value: 0x20, mask: 0xf0 }, table: 7 }))).filter(
        ({ kind }) => kind === "mark",
      ),
      pods,
    );
    expect(collision?.pods).toEqual(["shop/web-1"]);
  });
});
