import type { Attachment } from "../../../../lib/attachment/journal";
import { driftOf, driftText, wantedPieces } from "../../../../lib/attachment/drift";
import type { InstalledMark } from "../../../../lib/ports";
import { FakeMarks } from "../../../helpers/context";

const MARK = { value: 0x10, mask: 0xff };
const ATTACHMENT: Attachment = {
  format: 1,
  state: "complete",
  key: { network: "n", containerId: "c", ifname: "eth0" },
  netns: "",
  owner: { pid: 1, startTime: "1" },
  mark: MARK,
  markReplies: false,
  addresses: ["10.0.0.5", "fd00::5"],
  cniVersion: "1.0.0",
  since: "",
};
const rule = (part: Partial<InstalledMark> = {}): InstalledMark => ({
  backend: "nft",
  tag: "t",
  label: "ns/pod",
  address: "10.0.0.5",
  piece: "mark rule",
  mark: MARK,
  text: "PREROUTING ...",
  ...part,
});
const BACKEND = new FakeMarks();
const REPLY = { piece: "reply rule", mark: { value: 0, mask: 0xff } };
const GOOD = [
  rule(),
  rule(REPLY),
  rule({ address: "fd00::5" }),
  rule({ address: "fd00::5", ...REPLY }),
];
const problems = (installed: readonly InstalledMark[], attachment = ATTACHMENT) =>
  driftOf({ tag: "t", attachment }, BACKEND, installed).map(driftText);

test("all rules in place: nothing to say", () => {
  expect(problems(GOOD)).toEqual([]);
  expect(wantedPieces(BACKEND, ATTACHMENT)).toHaveLength(4);
});

test("markReplies needs no reply rules", () => {
  expect(problems([rule()], { ...ATTACHMENT, markReplies: true, addresses: ["10.0.0.5"] })).toEqual(
    [],
  );
});

test("an unmarked attachment needs none, and has none", () => {
  const { mark: _mark, ...unmarked } = ATTACHMENT;
  expect(problems([], unmarked)).toEqual([]);
  expect(problems([rule()], unmarked)).toEqual([expect.stringContaining("unexpected rule")]);
});

test.each([
  ["missing", GOOD.slice(1), "mark rule for 10.0.0.5 is missing"],
  ["missing reply", [...GOOD.slice(0, 1), ...GOOD.slice(2)], "reply rule for 10.0.0.5 is missing"],
  ["twice", [...GOOD, rule()], "mark rule for 10.0.0.5 is there 2 times"],
  [
    "wrong value",
    [rule({ mark: { value: 0x20, mask: 0xff } }), ...GOOD.slice(1)],
    "mark rule for 10.0.0.5 sets 0x20/0xff instead of 0x10/0xff",
  ],
  [
    "wrong mask",
    [rule({ mark: { value: 0x10, mask: 0xffffffff } }), ...GOOD.slice(1)],
    "sets 0x10/0xffffffff instead of 0x10/0xff",
  ],
  ["other target", [rule({ mark: undefined }), ...GOOD.slice(1)], "sets something else instead of"],
  ["other address", [...GOOD, rule({ address: "10.0.0.6" })], "unexpected rule for 10.0.0.6"],
  [
    "other owner",
    [...GOOD, rule({ tag: "other", label: "x/y" })],
    "rule of another attachment (x/y other) on 10.0.0.5",
  ],
])("%s is named", (_name, installed, message) => {
  expect(problems(installed)).toEqual([expect.stringContaining(message)]);
});

test("is data: what is wanted, and what is there", () => {
  const drifts = driftOf({ tag: "t", attachment: ATTACHMENT }, BACKEND, [
    ...GOOD.slice(1),
    rule({ mark: { value: 0x20, mask: 0xff } }),
    rule({ address: "10.0.0.6" }),
  ]);
  expect(drifts.map(({ kind, address, want, have }) => [kind, address, want?.mark, have])).toEqual([
    ["wrong-mark", "10.0.0.5", MARK, [rule({ mark: { value: 0x20, mask: 0xff } })]],
    ["unexpected", "10.0.0.6", undefined, [rule({ address: "10.0.0.6" })]],
  ]);
});
