/** The tables of nftables in this process, with a real nft in a network namespace behind them. */
import type { AttachmentKey } from "../../../lib/cni/request";
import { createNftablesBackend } from "../../../lib/marks/nftables/backend";
import { countMarked } from "../../../lib/marks/nftables/counters";
import { createGuard } from "../../../lib/marks/nftables/guard";
import { attachmentTag } from "../../../lib/marks/tag";
import { notingUse, whereUsed } from "../../../lib/marks/where-used";
import { withGuard } from "../../../lib/marks/with-guard";
import type { MarkBackend, MarkOrder } from "../../../lib/ports";
import { sh } from "../../helpers/shell";
import { nftIn } from "./nft-in";

const NETNS = `trt-${process.pid}`;
const A = { value: 0x10, mask: 0xff };
const B = { value: 0x20, mask: 0xff };

beforeEach(() => void sh("ip", "netns", "add", NETNS));
afterEach(() => void sh("ip", "netns", "del", NETNS));

const world = nftIn(NETNS);
const { nft, runner } = world;
afterEach(() => (world.isInstalled = true));

const backend = (mayHaveUsed = false): MarkBackend =>
  createNftablesBackend({
    runner: () => runner,
    locks: { hold: (_names, _timeout, body) => body(), sweep: async () => {} },
    lockTimeoutMs: 1000,
    mayHaveUsed: () => mayHaveUsed,
  });
const key = (containerId: string): AttachmentKey => ({ network: "n", containerId, ifname: "eth0" });
const order = (id: string, more: Partial<MarkOrder> = {}): MarkOrder => ({
  key: key(id),
  label: `team/${id}`,
  mark: A,
  addresses: ["10.0.0.5", "fd00::5"],
  markReplies: false,
  ...more,
});
const shown = async (marks = backend().open({})) =>
  (await marks.list()).map(({ address, label, mark }) => [address, label, mark?.value]);

test("a mark is there once, whatever was there before, and goes with its tag", async () => {
  const marks = backend().open({});
  marks.anticipate();
  expect(await marks.install(order("a"))).toEqual({ place: "nftables", evicted: [] });
  await marks.install(order("a"));
  expect(await shown()).toEqual([
    ["10.0.0.5", "team/a", 0x10],
    ["fd00::5", "team/a", 0x10],
  ]);
  await marks.install(order("a", { mark: B, markReplies: true }));
  expect(await shown()).toEqual([
    ["10.0.0.5", "team/a", 0x20],
    ["fd00::5", "team/a", 0x20],
  ]);
  expect(await marks.install(order("b"))).toEqual({
    place: "nftables",
    evicted: [attachmentTag(key("a"))],
  });
  expect(await marks.evict(key("c"), ["10.0.0.5"])).toEqual([attachmentTag(key("b"))]);
  expect(await marks.evict(key("c"), ["10.0.0.5"])).toEqual([]);
  expect(await shown()).toEqual([["fd00::5", "team/b", 0x10]]);
  await marks.remove([attachmentTag(key("b"))], { backend: "nftables", addresses: ["fd00::5"] });
  await marks.remove([attachmentTag(key("b"))]);
  expect(await shown()).toEqual([]);
  expect(await countMarked(runner)).toEqual([
    { mark: A, packets: 0, bytes: 0 },
    { mark: B, packets: 0, bytes: 0 },
  ]);
});

test("many are put back, except those that are not wanted any more", async () => {
  const marks = backend().open({});
  await marks.install(order("a"));
  nft([], ["flush table inet tenant-routing-marks", "delete table inet tenant-routing-marks"]);
  const gone = (): never => {
    throw new Error("deleted meanwhile");
  };
  const done = await marks.restore([
    { ...order("a"), place: "nftables" },
    { ...order("b", { addresses: ["10.0.0.6"], confirm: gone }), place: "nftables" },
  ]);
  expect(done.map(({ tag }) => tag)).toEqual([attachmentTag(key("a"))]);
  expect((await shown()).map(([address]) => address)).toEqual(["10.0.0.5", "fd00::5"]);
});

test("a chain that was changed by hand, and a foreign element, are told", async () => {
  const marks = backend().open({});
  await marks.install(order("a"));
  nft([], ["flush chain inet tenant-routing-marks m_10_ff"]);
  expect(await shown()).toEqual([
    ["10.0.0.5", "team/a", undefined],
    ["fd00::5", "team/a", undefined],
  ]);
  nft([], ["add element inet tenant-routing-marks pods4 { 10.0.0.9 : accept }"]);
  await expect(marks.install(order("d", { addresses: ["10.0.0.9"] }))).rejects.toThrow("not ours");
  await marks.probe();
});

test("without nft nothing can be marked, and what may be there is not called absent", async () => {
  world.isInstalled = false;
  const marks = backend().open({});
  await expect(marks.install(order("a"))).rejects.toThrow("install the package nftables");
  await expect(marks.probe()).rejects.toThrow("install the package nftables");
  expect([await marks.evict(key("a"), ["10.0.0.5"]), await marks.list()]).toEqual([[], []]);
  await expect(backend(true).open({}).list()).rejects.toThrow("install the package nftables");
  expect(await countMarked(runner)).toEqual([]);
});

test("the guard follows the mark, and never stands in the way of the next pod", async () => {
  const guard = createGuard(runner);
  const state = { isWanted: () => true, mayExist: () => true };
  const marks = withGuard(backend(), () => guard, state).open({});
  const guarded = async () =>
    (await guard.list()).guarded.map(({ address, label, mark }) => [address, label, mark?.value]);
  await marks.install(order("a", { addresses: ["10.0.0.5"] }));
  await marks.install(order("a", { addresses: ["10.0.0.5"], mark: B }));
  expect(await guarded()).toEqual([["10.0.0.5", "team/a", 0x20]]);
  await marks.install(order("b", { addresses: ["10.0.0.5"] }));
  expect(await guarded()).toEqual([["10.0.0.5", "team/b", 0x10]]);
  await marks.evict(key("c"), ["10.0.0.5"]);
  expect(await guarded()).toEqual([]);
  await marks.install(order("d"));
  await marks.remove([attachmentTag(key("d"))]);
  expect([await guarded(), await shown()]).toEqual([[], []]);
  expect((await guard.list()).dropped.map(({ packets }) => packets)).toEqual([0, 0]);
  const off = withGuard(backend(), () => guard, { ...state, isWanted: () => false }).open({});
  await off.install(order("e"));
  expect(await guarded()).toEqual([]);
  await guard.clear();
});

test("a backend that holds nothing is not asked, except for what a record names", async () => {
  let uses = 0;
  const noting = notingUse(backend(), () => void uses++).open({});
  await noting.install(order("a"));
  await noting.restore([{ ...order("a"), place: "nftables" }]);
  expect(uses).toBe(2);
  const unused = whereUsed(backend(), () => false).open({});
  unused.anticipate();
  expect([await unused.list(), await unused.evict(key("b"), ["10.0.0.5"])]).toEqual([[], []]);
  await unused.remove([attachmentTag(key("a"))]);
  expect(await shown()).toHaveLength(2);
  await unused.remove([attachmentTag(key("a"))], { backend: "nftables", addresses: [] });
  const used = whereUsed(backend(), () => true).open({});
  await used.install(order("b"));
  expect(await used.evict(key("c"), ["10.0.0.5"])).toHaveLength(1);
  await used.remove([attachmentTag(key("b"))]);
  expect(await used.list()).toEqual([]);
});
