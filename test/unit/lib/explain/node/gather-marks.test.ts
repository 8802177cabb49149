/** What is in force for one address of a pod, against what its record says. */
import type { Attachment } from "../../../../../lib/attachment/journal-record";
import { readGround, readPath } from "../../../../../lib/explain/node/gather";
import type { MarkFacts, PathFacts } from "../../../../../lib/explain/model";
import { MARK, POD } from "../facts";
import {
  ATTACHMENT,
  INSTALLED,
  MARK_RULE,
  type Options,
  POD_FACTS,
  REPLY_RULE,
  rigOf,
  TAG,
  TO,
} from "./rig";

const OTHER = "10.88.0.3";
const IN_NFTABLES: Attachment = { ...ATTACHMENT, backend: "nftables" };
const TABLE = [
  "table inet tenant-routing-marks {",
  "\tcounter m_20_ff {",
  "\t\tpackets 7 bytes 490",
  "\t}",
  "",
  "\tcounter m_10_ff {",
  "\t\tpackets 31 bytes 2604",
  "\t}",
  "}",
  "",
].join("\n");

async function pathOf(options: Options, attachment = ATTACHMENT): Promise<PathFacts> {
  const { node } = rigOf(options);
  const ground = await readGround(node, POD_FACTS, attachment);
  return readPath(node, ground, { from: POD, to: TO });
}

async function marksOf(
  options: Options = {},
  attachment = ATTACHMENT,
): Promise<MarkFacts | undefined> {
  return (await pathOf(options, attachment)).marks;
}

test("all as the record says: what is installed, and the count of the rule that marks", async () => {
  expect(await marksOf()).toEqual({
    drifts: [],
    installed: ["the rule of web-0"],
    shared: false,
    counted: { packets: 12, bytes: 840 },
    guard: undefined,
  });
});

test("neither the rule of replies nor another pod's is counted for this one", async () => {
  const others = MARK_RULE.replace(`${POD}/32`, `${OTHER}/32`);
  const strangers = MARK_RULE.replace(TAG, "0-0");
  expect((await marksOf({ rules: [REPLY_RULE, others, strangers] }))?.counted).toBeUndefined();
});

test("a mark that is missing concerns the mark itself", async () => {
  const marks = await marksOf({ installed: [] });
  expect(marks?.installed).toEqual([]);
  expect(marks?.drifts).toEqual([
    { kind: "missing", ofMark: true, text: `mark rule for ${POD} is missing` },
  ]);
});

test("a rule of replies that is missing does not concern the mark", async () => {
  const marks = await marksOf({}, { ...ATTACHMENT, markReplies: true });
  expect(marks?.drifts).toEqual([
    { kind: "missing", ofMark: false, text: `reply rule for ${POD} is missing` },
  ]);
});

test("what is too much, or another's, on this address", async () => {
  const surplus = { ...INSTALLED, piece: "old rule", text: "an old rule" };
  const foreign = { ...INSTALLED, tag: "1-1", label: "team-b/db", text: "the rule of db" };
  const marks = await marksOf({ installed: [INSTALLED, surplus, foreign] });
  expect(marks?.installed).toEqual(["the rule of web-0", "an old rule"]);
  expect(marks?.drifts.map(({ kind, ofMark }) => [kind, ofMark])).toEqual([
    ["unexpected", true],
    ["foreign", true],
  ]);
});

test("what differs on the pod's other address is not told here", async () => {
  const both = { ...ATTACHMENT, addresses: [POD, OTHER] };
  const elsewhere = { ...INSTALLED, address: OTHER, mark: undefined, text: "spoilt" };
  const marks = await marksOf({ installed: [INSTALLED, elsewhere] }, both);
  expect(marks).toMatchObject({ drifts: [], installed: ["the rule of web-0"] });
});

test("in nftables all pods with the mark share a counter", async () => {
  const path = await pathOf({ rules: [], marks: TABLE }, IN_NFTABLES);
  expect(path.marks).toMatchObject({ shared: true, counted: { packets: 31, bytes: 2604 } });
  // No rule of iptables sets it, and yet the packet has it.
  expect(path.marked.value).toBe(0x10);
  expect(path.way).toMatchObject({ dev: "eth1", table: 100 });
});

test("in nftables a packet whose mark is missing has none", async () => {
  const path = await pathOf({ rules: [], installed: [], marks: TABLE }, IN_NFTABLES);
  expect(path.marked.value).toBe(0);
  expect(path.way).toMatchObject({ dev: "eth0" });
});

test("nothing is counted in nftables without a table or without a mark", async () => {
  expect(await marksOf({}, IN_NFTABLES)).toMatchObject({ shared: true, counted: undefined });
  const { mark: _mark, ...unmarked } = IN_NFTABLES;
  const guard = { guarded: [], dropped: [] };
  expect(await marksOf({ marks: TABLE, guard, installed: [] }, unmarked)).toMatchObject({
    ...{ drifts: [], shared: true, counted: undefined, guard: undefined },
  });
});

test("the guard's word on this address, with all that it dropped for want of the mark", async () => {
  const entry = { tag: TAG, label: "team-a/web-0", markReplies: false };
  const other = { value: 0x20, mask: 0xff };
  const guard = {
    guarded: [
      { ...entry, address: OTHER, mark: other },
      { ...entry, address: POD, mark: MARK },
    ],
    dropped: [
      { mark: MARK, packets: 3, bytes: 180 },
      { mark: other, packets: 100, bytes: 6000 },
      { mark: MARK, packets: 4, bytes: 240 },
    ],
  };
  expect((await marksOf({ guard }))?.guard).toEqual({ mark: MARK, dropped: 7 });
  const elsewhere = { ...guard, guarded: guard.guarded.slice(0, 1) };
  expect((await marksOf({ guard: elsewhere }))?.guard).toBeUndefined();
});
