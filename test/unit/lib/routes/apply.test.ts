import { CniError } from "../../../../lib/cni/error";
import {
  carryOut,
  collisionsOf,
  findingsOf,
  look,
  removeRoutes,
  type RoutesNode,
} from "../../../../lib/routes/apply";
import type { Kernel } from "../../../../lib/routes/kernel/kernel";
import {
  type Action,
  type CarriedMark,
  EMPTY_RECORD,
  type IpRoute,
  type NodeState,
  type RoutesRecord,
} from "../../../../lib/routes/model";
import { routePlace, ruleKey } from "../../../../lib/routes/changes/identity";
import { actionText } from "../../../../lib/routes/text";
import { confOf, link, route, rule, stateOf, TENANTS } from "./node-rig";

const CONF = confOf({ routes: { namesDir: "/names" } });

/** A node that remembers what was done to it. */
class FakeNode implements RoutesNode {
  private held: NodeState = stateOf({ families: [4] });
  readonly done: string[] = [];
  readonly written: RoutesRecord[] = [];
  record: RoutesRecord = EMPTY_RECORD;
  full = false;
  nat: string | undefined;
  files: Record<string, string> = {};
  /** Commands with this in them fail. */
  refuses = "nothing";

  change(part: Partial<NodeState>): this {
    this.held = { ...this.held, ...part };
    return this;
  }

  readonly records = {
    read: () => this.record,
    write: (record: RoutesRecord) => {
      if (this.full) throw new CniError("journal", "no space");
      this.written.push((this.record = record));
    },
    remove: () => void (this.record = EMPTY_RECORD),
  };
  carried: readonly CarriedMark[] = [];
  readonly carriedMarks = () => this.carried;
  readonly lookAround = async () => ({
    markUses: [],
    chains: [],
    nftTables: [],
    tableNames: [],
    unseen: [],
  });
  readonly kernel: Kernel = {
    state: async () => this.held,
    own: async () => ({
      forward: [],
      natListing: this.nat,
      file: (path) => this.files[path],
      leftover: () => undefined,
      absent: () => [],
    }),
    natListing: async () => this.nat,
    perform: async (action) => {
      const text = actionText(action);
      if (text.includes(this.refuses)) throw new CniError("io", "refused");
      this.done.push(text);
      this.take(action);
    },
  };

  private take(action: Action): void {
    if (action.kind === "rule")
      this.change({
        rules: [
          ...this.held.rules.filter((each) => ruleKey(each) !== ruleKey(action.rule)),
          ...(action.op === "add" ? [action.rule] : []),
        ],
      });
    if (action.kind === "route")
      this.change({
        routes: [
          ...this.held.routes.filter((each) => routePlace(each) !== routePlace(action.route)),
          ...(action.op === "replace" ? [action.route] : []),
        ],
      });
    if (action.kind === "nat") this.nat = action.text === undefined ? undefined : "listed";
    if (action.kind !== "file") return;
    if (action.text === undefined) delete this.files[action.path];
    else this.files[action.path] = action.text;
  }
}

const apply = async (node: FakeNode, conf = CONF): Promise<readonly CniError[]> =>
  carryOut(await look(conf, node, { sysctl: true }), node);

test("apply makes the node match; again, it touches nothing, not even the record", async () => {
  const node = new FakeNode();
  expect(await apply(node)).toEqual([]);
  expect(node.done).toHaveLength(11);
  expect(node.written.length).toBeGreaterThan(0);
  const [done, written] = [node.done.length, node.written.length];
  await apply(node);
  expect([node.done.length, node.written.length]).toEqual([done, written]);
});

test("the record is written before the first change, and tells of old and new", async () => {
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

test("a gateway that the kernel refuses is told, the other tenants get their routes, its old route goes", async () => {
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
  "a change that fails (%s) opens no tenant's stop: it is told, all the rest is done",
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

test("the nft table is recorded as the kernel lists it, and a change of it is noticed", async () => {
  const node = new FakeNode();
  const conf = confOf({ tenants: { a: { ...TENANTS.a, snat: "none" } } });
  await apply(node, conf);
  expect(node.record.nat).toMatchObject({ listing: "listed" });
  expect((await look(conf, node, { sysctl: true })).actions).toEqual([]);
  node.nat = "flushed";
  expect((await look(conf, node, { sysctl: true })).actions.map(({ kind }) => kind)).toEqual([
    "nat",
  ]);
});

test("a table whose listing cannot be had is recorded as unknown", async () => {
  const node = new FakeNode();
  node.kernel.natListing = async () => undefined;
  await apply(node, confOf({ tenants: { a: { ...TENANTS.a, snat: "none" } } }));
  expect(node.record.nat).toMatchObject({ listing: "" });
});

test("somebody else's file under our name: a collision, and nothing is changed", async () => {
  const node = new FakeNode();
  node.files["/names/tenant-routing.conf"] = "100 mine\n";
  const view = await look(CONF, node, { sysctl: true });
  expect(await collisionsOf(CONF, node, view)).toEqual([
    expect.objectContaining({
      kind: "name",
      text: expect.stringContaining("/names/tenant-routing.conf"),
    }),
  ]);
  await expect(carryOut(view, node)).rejects.toMatchObject({
    code: 5,
    message: expect.stringContaining("/names/tenant-routing.conf"),
  });
  expect([node.done, node.written]).toEqual([[], []]);
});

test("what is planned or recorded is no collision; what others have is", async () => {
  const node = new FakeNode();
  await apply(node);
  expect(await collisionsOf(CONF, node, await look(CONF, node, { sysctl: true }))).toEqual([]);
  const changed = confOf({ tenants: { a: TENANTS.a } });
  expect(await collisionsOf(changed, node, await look(changed, node, { sysctl: true }))).toEqual(
    [],
  );
  node.change({
    rules: [...(await node.kernel.state()).rules, rule(50, { table: 100, protocol: 3 })],
  });
  expect(
    (await collisionsOf(CONF, node, await look(CONF, node, { sysctl: true }))).map(
      ({ kind }) => kind,
    ),
  ).toEqual(["table"]);
});

test("findings are about the node as it is", async () => {
  const node = new FakeNode().change({ links: [link("eth1", "192.0.2.9", { up: false })] });
  expect(
    findingsOf(CONF, await look(CONF, node, { sysctl: false })).map(({ kind }) => kind),
  ).toEqual(["device-down", "device-down"]);
});

describe("remove", () => {
  test("takes back everything that is recorded, and the record", async () => {
    const node = new FakeNode();
    const theirs: IpRoute = route("default", { table: 100 });
    const before = (await node.kernel.state()).routes;
    node.change({ routes: [...before, theirs] });
    await apply(node);
    expect((await removeRoutes(CONF, node)).length).toBe(12);
    expect((await node.kernel.state()).routes).toEqual([...before, theirs]);
    expect([node.record, node.files, await removeRoutes(CONF, node)]).toEqual([
      EMPTY_RECORD,
      {},
      [],
    ]);
  });

  test("without a record, what the configuration asks for counts as ours", async () => {
    const node = new FakeNode();
    await apply(node);
    node.record = EMPTY_RECORD;
    expect((await removeRoutes(CONF, node)).length).toBeGreaterThan(6);
    expect((await look(CONF, node, { sysctl: false })).actions).toHaveLength(11);
  });

  test("that fails at something takes back all the rest, tells all that failed, and can be tried again", async () => {
    const node = new FakeNode();
    await apply(node);
    node.refuses = "route del default";
    const error: CniError = await removeRoutes(CONF, node).then(
      () => {
        throw new Error("it did not fail");
      },
      (thrown: CniError) => thrown,
    );
    expect([error.message, error.details]).toEqual([
      "refused",
      expect.stringMatching(/table 100.*table 200/),
    ]);
    expect([
      node.files,
      (await node.kernel.state()).rules.filter(
        ({ priority }) => priority > 32700 && priority < 32766,
      ),
    ]).toEqual([{}, []]);
    node.refuses = "nothing";
    await removeRoutes(CONF, node);
    expect([
      node.record,
      (await node.kernel.state()).routes.filter(({ table }) => table === 100),
    ]).toEqual([EMPTY_RECORD, []]);
  });

  test("that fails at a rule ends there, tells at what, and keeps the record for another try", async () => {
    const node = new FakeNode();
    await apply(node);
    node.refuses = "rule del pref 32764";
    await expect(removeRoutes(CONF, node)).rejects.toMatchObject({
      message: "refused",
      details: expect.stringContaining("while doing: ip -4 rule del pref 32764"),
    });
    expect(node.record).not.toEqual(EMPTY_RECORD);
    node.refuses = "nothing";
    await removeRoutes(CONF, node);
    expect(node.record).toEqual(EMPTY_RECORD);
  });
});
