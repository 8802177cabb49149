/** The guard's entries, as pieces that are compared with the records. */
import { driftOf } from "../../../../lib/attachment/drift";
import type { Guard, Guarded } from "../../../../lib/marks/nftables/guard";
import { guardLayer } from "../../../../lib/reconcile/guard-layer";
import { confWith } from "../../../helpers/conf-object";
import { KEY, record, TAG } from "../../../helpers/context";
import { FakeLocks } from "../../../helpers/fakes";

const MARK = { value: 0x10, mask: 0xff };
const ENTRY: Guarded = {
  ...{ address: "10.0.0.5", tag: TAG, label: "team-a/web-0", mark: MARK, markReplies: false },
};

function setUp(guarded: readonly Guarded[] = []) {
  const asked: unknown[] = [];
  const nothing = async (): Promise<void> => {};
  const guard: Guard = {
    ...{ prepare: nothing, set: nothing, evict: nothing, clear: nothing },
    restore: async (orders, under) => {
      asked.push(["restore", orders, under]);
      return [{ tag: TAG, place: "guard", changed: true }];
    },
    remove: async (tags) => void asked.push(["remove", tags]),
    list: async () => ({ guarded, dropped: [] }),
  };
  const locks = new FakeLocks().port;
  return { asked, locks, layer: guardLayer(guard, confWith({ lockTimeoutMs: 77 }), { locks }) };
}

test("each address has one entry, by another name where replies pass", () => {
  const { layer } = setUp();
  const pieces = (markReplies: boolean) =>
    layer.backend.pieces({ addresses: ["10.0.0.5", "fd00::5"], mark: MARK, markReplies }, "guard");
  expect(layer.name).toBe("guard");
  expect(pieces(false)).toEqual([
    { address: "10.0.0.5", piece: "guard entry", mark: MARK },
    { address: "fd00::5", piece: "guard entry", mark: MARK },
  ]);
  expect(pieces(true).map(({ piece }) => piece)).toEqual([
    "guard entry with replies",
    "guard entry with replies",
  ]);
});

test("entries are listed as marks in the guard", async () => {
  const { layer } = setUp([ENTRY, { ...ENTRY, address: "10.0.0.6", markReplies: true }]);
  const text = "10.0.0.5 in the guard";
  expect(await layer.marks.list()).toEqual([
    {
      ...{ backend: "guard", tag: TAG, label: "team-a/web-0", address: "10.0.0.5" },
      ...{ piece: "guard entry", mark: MARK, text },
    },
    expect.objectContaining({ address: "10.0.0.6", piece: "guard entry with replies" }),
  ]);
});

test.each<[string, readonly Guarded[], readonly string[]]>([
  ["as on record", [ENTRY], []],
  ["missing", [], ["missing"]],
  ["broken", [{ ...ENTRY, mark: undefined }], ["wrong-mark"]],
  ["for another mark", [{ ...ENTRY, mark: { value: 0x20, mask: 0xff } }], ["wrong-mark"]],
  ["with replies", [{ ...ENTRY, markReplies: true }], ["missing", "unexpected"]],
])("an entry that is %s, against the record", async (_, guarded, kinds) => {
  const { layer } = setUp(guarded);
  const drift = driftOf(
    { tag: TAG, attachment: record() },
    layer.backend,
    await layer.marks.list(),
  );
  expect(drift.map(({ kind }) => kind)).toEqual(kinds);
});

test("it is restored under the node's locks for as long as configured, and removed by tags", async () => {
  const { asked, layer, locks } = setUp();
  const order = { key: KEY, label: "", mark: MARK, addresses: ["10.0.0.5"], markReplies: false };
  const orders = [{ ...order, place: undefined }];
  expect(await layer.marks.restore(orders)).toEqual([{ tag: TAG, place: "guard", changed: true }]);
  await layer.marks.remove([TAG]);
  expect(asked).toEqual([
    ["restore", orders, { locks, lockTimeoutMs: 77 }],
    ["remove", [TAG]],
  ]);
});
