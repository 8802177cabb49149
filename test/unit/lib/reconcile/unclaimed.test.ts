/** Marks that have no record are removed, in every layer, under the locks of their records. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJournal, type Journal } from "../../../../lib/attachment/journal";
import { attachmentTag } from "../../../../lib/marks/tag";
import type { Layer } from "../../../../lib/reconcile/ports";
import { removeUnclaimed } from "../../../../lib/reconcile/unclaimed";
import { confWith } from "../../../helpers/conf-object";
import { FakeMarks, KEY, record, TAG } from "../../../helpers/context";
import { FakeLocks } from "../../../helpers/fakes";

const OTHER_KEY = { ...KEY, containerId: "c2" };
const OTHER = attachmentTag(OTHER_KEY);

let dir: string;
let journal: Journal;
let locks: FakeLocks;
let removals: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "unclaimed-"));
  journal = createJournal(dir);
  journal.prepare();
  locks = new FakeLocks();
  removals = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function layer(name: Layer["name"]): Layer & { readonly marks: FakeMarks } {
  const marks = new FakeMarks();
  const remove = marks.remove.bind(marks);
  marks.remove = async (tags) => {
    removals.push(`${name} ${tags.join()} ${locks.held ? "locked" : "unlocked"}`);
    await remove(tags);
  };
  return { name, backend: marks, marks };
}

async function install(...marks: readonly FakeMarks[]): Promise<void> {
  const order = { label: "", mark: { value: 1, mask: 1 }, markReplies: false };
  for (const each of marks) {
    await each.install({ ...order, key: KEY, addresses: ["10.0.0.5"] });
    await each.install({ ...order, key: OTHER_KEY, addresses: ["10.0.0.6"] });
  }
}

test("the guard lets go first, and what has got a record meanwhile stays", async () => {
  const [marks, guard] = [layer("marks"), layer("guard")];
  await install(marks.marks, guard.marks);
  journal.write(TAG, record({ state: "intent" }));
  const conf = confWith({ lockTimeoutMs: 123 });
  const target = { conf, journal, locks: locks.port, layers: [marks, guard] };
  expect(await removeUnclaimed(target, [TAG, OTHER])).toEqual([OTHER]);
  expect(removals).toEqual([`guard ${OTHER} locked`, `marks ${OTHER} locked`]);
  expect([locks.names, locks.waits]).toEqual([[TAG, OTHER], [123]]);
  for (const { installed } of [marks.marks, guard.marks])
    expect(new Set(installed.map(({ tag }) => tag))).toEqual(new Set([TAG]));
});

test("nothing is touched where all have records, and no lock is taken for nothing", async () => {
  const marks = layer("marks");
  journal.write(TAG, record());
  const target = { conf: confWith(), journal, locks: locks.port, layers: [marks] };
  expect(await removeUnclaimed(target, [TAG])).toEqual([]);
  expect(removals).toEqual([]);
  expect(await removeUnclaimed(target, [])).toEqual([]);
  expect(locks.waits).toHaveLength(1);
});
