import type { CniError } from "../../../../lib/cni/error";
import { look } from "../../../../lib/routes/apply";
import { carryOut, errorsOf } from "../../../../lib/routes/carry-out";
import { actionText } from "../../../../lib/routes/text";
import { CONF, FakeNode } from "./fake-node";
import { confOf, connected, link, stateOf, TENANTS } from "./node-rig";

const apply = async (node: FakeNode, conf = CONF): Promise<readonly CniError[]> =>
  errorsOf(await carryOut(await look(conf, node, { sysctl: true }), node));

test("the record is written before the first change, and has both old and new things in it", async () => {
  const node = new FakeNode();
  await apply(node);
  node.refuses = "rule add";
  node.written.length = 0;
  const changed = confOf({
    tenants: { ...TENANTS, a: { ...TENANTS.a, table: 101 } },
    routes: { namesDir: "/names" },
  });
  await expect(apply(node, changed)).rejects.toMatchObject({
    code: 5,
    details: expect.stringContaining("while doing: ip -4 rule add pref 32765"),
  });
  expect(node.written).toHaveLength(1);
  expect(node.record.rules.map(({ table }) => table)).toEqual(expect.arrayContaining([100, 101]));
  node.refuses = "nothing";
  await apply(node, changed);
  expect((await look(changed, node, { sysctl: true })).actions).toEqual([]);
  expect(node.record.rules.map(({ table }) => table)).not.toContain(100);
});

test("a gateway that the kernel refuses is reported, the other tenants get their routes, its old route goes", async () => {
  const node = new FakeNode();
  await apply(node);
  node.refuses = "via 192.0.2.66";
  const changed = confOf({
    tenants: {
      a: { ...TENANTS.a, gateways: [{ via: "192.0.2.66" }] },
      b: { ...TENANTS.b, gateways: [{ via: "192.0.2.67" }] },
    },
    routes: { namesDir: "/names" },
  });
  expect(await apply(node, changed)).toEqual([
    expect.objectContaining({ message: "refused", details: expect.stringContaining("192.0.2.66") }),
  ]);
  const { routes } = await node.kernel.state();
  expect(routes.filter(({ table }) => table === 100).map(({ type }) => type)).toEqual([
    "unreachable",
  ]);
  expect(
    routes
      .filter(({ table, type }) => table === 200 && type === "unicast")
      .map(({ nexthops }) => nexthops[0]?.via),
  ).toEqual(["192.0.2.67"]);
});

test.each(["sysctl -w", "nft -f", "cat >"])(
  "a change that fails (%s) opens no tenant's stop: it is reported, all the rest is done",
  async (refused) => {
    const node = new FakeNode().change(stateOf({ families: [4] }, { "net/ipv4/ip_forward": "0" }));
    const conf = confOf({
      tenants: { a: { ...TENANTS.a, snat: "none" } },
      routes: { namesDir: "/names" },
    });
    node.refuses = refused;
    expect(await apply(node, conf)).toEqual([
      expect.objectContaining({ message: "refused", details: expect.stringContaining(refused) }),
    ]);
    expect((await node.kernel.state()).rules.filter(({ table }) => table === 100)).toHaveLength(1);
    expect((await look(conf, node, { sysctl: true })).actions.map(actionText)).toEqual(
      expect.arrayContaining([expect.stringContaining(refused)]),
    );
  },
);

test("a full disk: repairs and a gateway's move go on and say so; what only the record can undo does not begin", async () => {
  const node = new FakeNode();
  await apply(node);
  node.full = true;
  node.change({ rules: (await node.kernel.state()).rules.filter(({ table }) => table !== 100) });
  expect(await apply(node)).toEqual([]);
  const moved = confOf({
    tenants: { ...TENANTS, a: { ...TENANTS.a, gateways: [{ via: "192.0.2.7" }] } },
    routes: { namesDir: "/names" },
  });
  expect(await apply(node, moved)).toEqual([expect.objectContaining({ message: "no space" })]);
  expect((await look(moved, node, { sysctl: true })).actions).toEqual([]);
  node.change(
    stateOf(
      {
        families: [4],
        rules: (await node.kernel.state()).rules,
        routes: (await node.kernel.state()).routes,
      },
      { "net/ipv4/ip_forward": "0" },
    ),
  );
  const before = node.done.length;
  await expect(apply(node, moved)).rejects.toMatchObject({ message: "no space" });
  expect(node.done).toHaveLength(before);
});

test("what could not be taken away is tried again", async () => {
  const node = new FakeNode();
  await apply(node);
  const changed = confOf({ tenants: { b: TENANTS.b }, routes: { namesDir: "/names" } });
  node.refuses = "route del default via 192.0.2.1";
  expect(await apply(node, changed)).toHaveLength(1);
  node.refuses = "nothing";
  expect(await apply(node, changed)).toEqual([]);
  expect((await node.kernel.state()).routes.filter(({ table }) => table === 100)).toEqual([]);
});

test("a route of the main table that is refused leaves what is there", async () => {
  const node = new FakeNode();
  const conf = (via: string): typeof CONF =>
    confOf({
      tenants: { a: { fwmark: "0x10" } },
      routes: { nodeRoutes: [{ dst: "10.9.0.0/16", via }] },
    });
  await apply(node, conf("198.51.100.7"));
  node.refuses = "via 198.51.100.8";
  expect(await apply(node, conf("198.51.100.8"))).toHaveLength(1);
  expect(
    (await node.kernel.state()).routes.find(({ dst }) => dst === "10.9.0.0/16")?.nexthops[0]?.via,
  ).toBe("198.51.100.7");
});

test("a table whose listing cannot be had is recorded as unknown", async () => {
  const node = new FakeNode();
  node.kernel.natListing = async () => undefined;
  await apply(node, confOf({ tenants: { a: { ...TENANTS.a, snat: "none" } } }));
  expect(node.record.nat).toMatchObject({ listing: "" });
});

test("of two changes that begin alike and one of which is refused, the other is reported as made", async () => {
  const node = new FakeNode().change({
    links: [link("eth1", "192.0.2.9"), link("eth2", "192.0.3.9")],
    routes: [...stateOf().routes, connected("192.0.3.0/24", "eth2")],
  });
  const by = (via: string, dev: string): typeof CONF =>
    confOf({ tenants: { a: { ...TENANTS.a, gateways: [{ via, dev }], snat: "masquerade" } } });
  await apply(node, by("192.0.2.1", "eth1"));
  const moved = by("192.0.3.1", "eth2");
  // Only the translation for the time in between names both devices.
  node.refuses = /eth1[^]*eth2/;
  const view = await look(moved, node, { sysctl: true });
  const [first, last] = view.actions.filter(({ kind }) => kind === "nat");
  const { made, refused } = await carryOut(view, node);
  expect([first, last].map((action) => made.some((each) => each === action))).toEqual([
    false,
    true,
  ]);
  expect(made).toEqual(view.actions.filter((action) => action !== first));
  expect(refused).toEqual([
    { action: first, error: expect.objectContaining({ message: "refused" }) },
  ]);
});
