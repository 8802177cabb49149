import type { CniError } from "../../../../lib/cni/error";
import { collisionsOf, findingsOf, look, removeRoutes } from "../../../../lib/routes/apply";
import { carryOut, errorsOf } from "../../../../lib/routes/carry-out";
import { EMPTY_RECORD, type IpRoute } from "../../../../lib/routes/model";
import { CONF, FakeNode } from "./fake-node";
import { confOf, link, route, rule, TENANTS } from "./node-rig";

const apply = async (node: FakeNode, conf = CONF): Promise<readonly CniError[]> =>
  errorsOf(await carryOut(await look(conf, node, { sysctl: true }), node));

test("apply makes the node match; again, it touches nothing, not even the record", async () => {
  const node = new FakeNode();
  expect(await apply(node)).toEqual([]);
  expect(node.done).toHaveLength(11);
  expect(node.written.length).toBeGreaterThan(0);
  const [done, written] = [node.done.length, node.written.length];
  await apply(node);
  expect([node.done.length, node.written.length]).toEqual([done, written]);
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

test("somebody else's file under our name: a collision, and nothing is changed", async () => {
  const node = new FakeNode();
  node.files["/names/tenant-routing.conf"] = "100 mine\n";
  const view = await look(CONF, node, { sysctl: true });
  expect(await collisionsOf(CONF, node, view)).toEqual([
    { kind: "name", tenant: undefined, path: "/names/tenant-routing.conf" },
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

  test("that fails at something takes back all the rest, reports all that failed, and can be tried again", async () => {
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

  test("that fails at a rule ends there, says at which, and keeps the record for another try", async () => {
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
