/** What is sent to nft for one pod: one transaction for mark and guard, and the skeleton of the tables only once. */
import { createNftablesBackend } from "../../../lib/marks/nftables/backend";
import { createGuard } from "../../../lib/marks/nftables/guard";
import { attachmentTag } from "../../../lib/marks/tag";
import { withGuard } from "../../../lib/marks/with-guard";
import type { MarkOrder } from "../../../lib/ports";
import { sh } from "../../helpers/shell";
import { nftIn } from "./nft-in";

const NETNS = `trk-${process.pid}`;
beforeEach(() => void sh("ip", "netns", "add", NETNS));
afterEach(() => void sh("ip", "netns", "del", NETNS));

const { nft, runner, asked } = nftIn(NETNS);
const { known } = runner;
beforeEach(() => {
  known.watched(false);
  known.watched(true);
});
const locks = {
  hold: <T>(_names: unknown, _timeout: unknown, body: () => Promise<T>) => body(),
  sweep: async () => {},
};
const guard = createGuard(runner);
const marks = withGuard(
  createNftablesBackend({
    ...{ locks, lockTimeoutMs: 1000, runner: () => runner, mayHaveUsed: () => false },
  }),
  () => guard,
  { isWanted: () => true, mayExist: () => true },
).open({});

const A = { value: 0x10, mask: 0xff };
const B = { value: 0x20, mask: 0xff };
const order = (id: string, address: string, mark = A): MarkOrder => ({
  key: { network: "n", containerId: id, ifname: "eth0" },
  label: `team/${id}`,
  mark,
  addresses: [address],
  markReplies: false,
});
const place = (each: MarkOrder) => ({ backend: "nftables", addresses: each.addresses });
const install = async (each: MarkOrder): Promise<readonly (readonly string[])[]> => {
  asked.splice(0);
  await marks.install(each);
  return asked.splice(0);
};
/** `<address> <mark> <mark that the guard wants>`, each undefined where it is not in force. */
const shown = async (): Promise<readonly unknown[]> => {
  const { guarded } = await guard.list();
  return (await marks.list())
    .map(({ address, mark }) => [
      address,
      mark?.value,
      guarded.find((each) => each.address === address)?.mark?.value,
    ])
    .sort();
};

test("one transaction: for the first pod with all of the tables, then with the elements alone", async () => {
  const [first, ...more] = await install(order("a", "10.0.0.1"));
  expect([more, first?.filter((each) => each.startsWith("add table"))]).toEqual([
    [],
    ["add table inet tenant-routing-marks", "add table inet tenant-routing-guard"],
  ]);
  const second = await install(order("b", "10.0.0.2"));
  expect(second.map((commands) => commands.map((each) => each.replace(/ \{.*/, "")))).toEqual([
    [
      "create element inet tenant-routing-marks pods4",
      "add element inet tenant-routing-marks owners4",
      "create element inet tenant-routing-guard pods4",
      "add element inet tenant-routing-guard owners4",
    ],
  ]);
  // Another mark needs chains, and nothing else of the tables.
  const third = await install(order("c", "10.0.0.3", B));
  expect(third.map((commands) => commands.filter((each) => /table|map|hook/.test(each)))).toEqual([
    [],
  ]);
  expect(await shown()).toEqual([
    ["10.0.0.1", 0x10, 0x10],
    ["10.0.0.2", 0x10, 0x10],
    ["10.0.0.3", 0x20, 0x20],
  ]);
});

test("a listing shows what is there, and what is not as it should be is written again", async () => {
  await install(order("a", "10.0.0.1"));
  known.forget();
  await shown();
  expect((await install(order("b", "10.0.0.2")))[0]).toHaveLength(4);
  nft([], ["flush chain inet tenant-routing-marks m_10_ff"]);
  known.forget();
  await shown();
  // Of the marks the chain is mended; the guard is as it was.
  const [mending = []] = await install(order("c", "10.0.0.3"));
  expect(mending.filter((each) => each.startsWith("flush"))).toEqual([
    "flush chain inet tenant-routing-marks m_10_ff",
  ]);
  nft([], ["flush chain inet tenant-routing-guard forward"]);
  known.forget();
  await shown();
  await install(order("d", "10.0.0.4"));
  expect((await shown()).flat().filter((each) => each === undefined)).toEqual([]);
});

test.each([
  ["a table", "delete table inet tenant-routing-marks"],
  ["the other table", "delete table inet tenant-routing-guard"],
  ["everything", "flush ruleset"],
])(
  "%s is gone and nobody has said so: the next pod has mark and guard all the same",
  async (_what, command) => {
    await install(order("a", "10.0.0.1"));
    nft([], [command]);
    await install(order("b", "10.0.0.2"));
    expect(await shown()).toContainEqual(["10.0.0.2", 0x10, 0x10]);
  },
);

test("what was found out before a change of others counts for nothing", async () => {
  const learn = known.begin();
  known.forget();
  const { layout, chain } = { layout: { table: "t" }, chain: { name: "c" } } as never;
  learn(layout, [chain]);
  expect(known.has(layout, chain)).toBe(false);
  known.begin()(layout, [chain]);
  expect([known.has(layout), known.has(layout, chain)]).toEqual([true, true]);
  known.watched(false);
  known.begin()(layout, [chain]);
  expect(known.has(layout, chain)).toBe(false);
});

test("an address with the entry of a pod that may still send: the next pod gets both, and the late end changes nothing", async () => {
  const [old, next] = [order("old", "10.0.0.1"), order("next", "10.0.0.1", B)];
  await marks.install(old);
  let end: (silent: boolean) => void = () => {};
  const silent = new Promise<boolean>((resolve) => (end = resolve));
  let ended: Promise<void> = Promise.resolve();
  await new Promise<void>((outOfForce) => {
    ended = marks.remove([attachmentTag(old.key)], place(old), { outOfForce, silent });
  });
  const { guarded } = await guard.list();
  expect([await marks.list(), guarded.map(({ address }) => address)]).toEqual([[], ["10.0.0.1"]]);
  await marks.install(next);
  expect(await shown()).toEqual([["10.0.0.1", 0x20, 0x20]]);
  end(true);
  await ended;
  expect(await shown()).toEqual([["10.0.0.1", 0x20, 0x20]]);
});

test("a DEL that fails leaves the entry to the next one", async () => {
  const each = order("a", "10.0.0.1");
  await marks.install(each);
  const tags = [attachmentTag(each.key)];
  const outOfForce = (): void => {};
  await marks.remove(tags, place(each), { outOfForce, silent: Promise.resolve(false) });
  expect([await marks.list(), (await guard.list()).guarded.length]).toEqual([[], 1]);
  await marks.remove(tags, place(each), { outOfForce, silent: Promise.resolve(true) });
  expect((await guard.list()).guarded).toEqual([]);
});
