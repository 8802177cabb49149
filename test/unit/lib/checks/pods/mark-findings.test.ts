/** What a look at the marks gave, as findings. */
import { attachmentTag } from "../../../../../lib/marks/tag";
import {
  markFindings,
  unclaimedFinding,
  unclaimedOf,
} from "../../../../../lib/checks/pods/mark-findings";
import { readEntries } from "../../../../../lib/checks/pods/look";
import { lookTwice } from "../../../../../lib/checks/pods/confirm";
import { KEY, record } from "../../../../helpers/context";
import { FakeNode, installMarks } from "./set-up";

const TAG = attachmentTag(KEY);

async function found(node: FakeNode, isGone = false) {
  const look = await lookTwice(node, readEntries(node.journal));
  return markFindings({ look, dataDir: "/run/tr", isGone: () => isGone }).map(
    ({ kind, subject, remedy }) => ({ kind, subject, remedy }),
  );
}

async function healthy(): Promise<FakeNode> {
  const node = new FakeNode();
  node.records.set(TAG, record());
  await installMarks(node);
  return node;
}

test("nothing is wrong with a pod whose marks are as on record", async () => {
  expect(await found(await healthy())).toEqual([]);
});

test("a missing mark, and what ends it", async () => {
  const node = new FakeNode();
  node.records.set(TAG, record());
  expect((await found(node)).map(({ kind, remedy }) => `${kind}: ${remedy}`)).toContain(
    "mark-missing: wrapper repair --apply",
  );
});

test("a sandbox that is gone owes a DEL, whatever its marks are", async () => {
  const node = new FakeNode();
  node.records.set(TAG, record());
  expect(await found(node, true)).toMatchObject([
    { kind: "del-owed", remedy: "wrapper repair --apply" },
  ]);
});

test.each([
  ["intent", "add-unfinished"],
  ["deleting", "del-owed"],
] as const)("a record in the state %s whose process has died", async (state, kind) => {
  const node = await healthy();
  node.records.set(TAG, record({ state }));
  expect(await found(node)).toMatchObject([{ kind }]);
});

test("a record that cannot be used is named by its file", async () => {
  const node = new FakeNode();
  node.records.set(TAG, "torn");
  expect(await found(node)).toEqual([
    {
      ...{ kind: "record-unusable", subject: `/run/tr/${TAG}.json` },
      remedy: `rm /run/tr/${TAG}.json`,
    },
  ]);
});

test("marks without a record", async () => {
  const node = new FakeNode();
  await installMarks(node);
  const { strays } = await lookTwice(node, readEntries(node.journal));
  const remedies = (network: string, inUse?: ReadonlySet<string>): unknown =>
    unclaimedOf(network, strays, inUse).map((each) => {
      const { kind, remedy } = unclaimedFinding(each);
      return [kind, remedy];
    });
  const kind = "mark-without-record";
  expect(remedies(KEY.network, new Set())).toEqual([[kind, "wrapper repair --apply --unclaimed"]]);
  expect(remedies(KEY.network)).toEqual([[kind, expect.stringMatching(/^kubectl -n \S+ delete/)]]);
  expect(remedies("another", new Set())).toEqual([
    [kind, "wrapper drift --conf FILE, with the conflist of the other network"],
  ]);
});

test("a mark in another place than on record", async () => {
  const node = await healthy();
  node.records.set(TAG, record({ backend: "elsewhere" }));
  expect(await found(node)).toMatchObject([{ kind: "mark-elsewhere" }]);
});
