/** The reconciler on marks in memory: marks that belong in another place than their record says. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CniError } from "../../../../lib/cni/error";
import type { RestoreOrder } from "../../../../lib/ports";
import { attachmentTag } from "../../../../lib/marks/tag";
import { KEY, Rig } from "./rig";

let dir: string;
let rig: Rig;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "reconcile-"));
  rig = new Rig(dir);
  rig.home = "nft";
});
afterEach(async () => {
  await rig.stop();
  rmSync(dir, { recursive: true });
});

const A = { mark: { value: 0x10, mask: 0xff }, addresses: ["10.0.0.1"], backend: "legacy" };
const bare = { bare: true };

test("the marks are put where they belong, and the record says so; that is no repair", async () => {
  const tag = await rig.attach("a", A, bare);
  await rig.looks(2);
  expect(rig.installed()).toEqual(["10.0.0.1 0x10"]);
  expect(rig.recordOf(tag)).toMatchObject({ mark: A.mark, backend: "nft", state: "complete" });
  expect(rig.messages("change")).toEqual([
    "the marks of one pod have moved to nft: pod team-a/a (container a)",
  ]);
  expect([rig.messages("repair"), rig.reconciler.figures().repairs.missing]).toEqual([[], 0]);
});

test("while they move the record names no place, so that a DEL looks in all", async () => {
  const tag = await rig.attach("a", A, bare);
  const seen: (string | undefined)[] = [];
  const { install } = rig.marks;
  rig.marks.install = async (order) => {
    seen.push(rig.recordOf(tag)?.backend);
    return install.call(rig.marks, order);
  };
  await rig.looks(1);
  expect(seen).toEqual([undefined]);
});

test("a move that was broken off is finished by the next look", async () => {
  const tag = await rig.attach("a", A, bare);
  rig.marks.fail.install = new CniError("rules", "no room");
  await rig.looks(2);
  expect(rig.recordOf(tag)).toMatchObject({ mark: A.mark, addresses: A.addresses });
  expect(rig.recordOf(tag)?.backend).toBeUndefined();
  expect(rig.messages("condition")).toEqual(["not all marks could be put right: no room"]);
  rig.marks.fail = {};
  await rig.looks(1);
  expect(rig.recordOf(tag)?.backend).toBe("nft");
  expect(rig.messages("condition").at(-1)).toMatch(/^over: /);
});

test("marks that are in place already need only the record", async () => {
  const tag = await rig.attach("a", { ...A, backend: undefined as never });
  await rig.looks(1);
  expect(rig.recordOf(tag)?.backend).toBe("nft");
  expect(rig.messages("repair")).toEqual([]);
});

test("nobody moves to a place that does not work, which is said; repairs go on", async () => {
  const tag = await rig.attach("a", A, bare);
  rig.marks.fail.probe = new CniError("rules", "nft is missing: install the package nftables");
  await rig.looks(2);
  expect(rig.recordOf(tag)?.backend).toBe("legacy");
  expect(rig.messages("condition")).toEqual([
    "running pods keep their marks where they are, because they cannot be moved to nft: nft is missing: install the package nftables",
  ]);
  expect(rig.messages("repair")).toHaveLength(1);
});

test("nobody moves while it is not decided where marks go", async () => {
  rig.home = undefined;
  const tag = await rig.attach("a", A);
  standIn("legacy");
  await rig.looks(2);
  expect([rig.recordOf(tag)?.backend, rig.said]).toEqual(["legacy", []]);
});

test("marks that stand in another place than on record are put where it says, before the others go", async () => {
  rig.home = undefined;
  const tag = await rig.attach("a", A);
  standIn("nft");
  const orders: RestoreOrder[] = [];
  rig.marks.restore = async (given) => {
    orders.push(...given);
    standIn("legacy");
    return given.map(({ key }) => ({ tag: attachmentTag(key), place: "legacy", changed: true }));
  };
  await rig.looks(2);
  expect(orders).toMatchObject([{ place: "legacy", mark: A.mark, addresses: A.addresses }]);
  expect([rig.recordOf(tag)?.backend, rig.messages("change")]).toEqual([
    "legacy",
    ["the marks of one pod have moved to legacy: pod team-a/a (container a)"],
  ]);
});

function standIn(backend: string): void {
  const { installed } = rig.marks;
  installed.splice(0, installed.length, ...installed.map((mark) => ({ ...mark, backend })));
}

test("an attachment that is being deleted is left to its DEL", async () => {
  const tag = await rig.attach("a", A, bare);
  const { install } = rig.marks;
  rig.marks.install = async (order) => {
    const done = await install.call(rig.marks, order);
    const record = rig.recordOf(attachmentTag(order.key));
    if (record !== undefined) rig.journal.write(tag, { ...record, state: "deleting" });
    return done;
  };
  await rig.looks(2);
  expect([rig.installed(), rig.recordOf(tag)?.state]).toEqual([[], "deleting"]);
  expect(rig.messages("change")).toEqual([]);
});

test("another mark and another place: the mark first, then the place, soon", async () => {
  rig.conf = { ...rig.conf, agent: { ...rig.conf.agent, reconcileIntervalMs: 60_000 } };
  const tag = await rig.attach("a", A);
  rig.pods = { "team-a/a": { [KEY]: "0x20/0xff" } };
  await rig.looks(1);
  while (rig.reconciler.figures().looks < 2) await new Promise((done) => setTimeout(done, 2));
  expect(rig.recordOf(tag)).toMatchObject({ mark: { value: 0x20, mask: 0xff }, backend: "nft" });
  expect(rig.messages("change")).toEqual([
    `pod team-a/a (container a): mark 0x10/0xff became 0x20/0xff (pod annotation ${KEY})`,
    "the marks of one pod have moved to nft: pod team-a/a (container a)",
  ]);
});
