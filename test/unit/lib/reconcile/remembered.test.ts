import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { remembered } from "../../../../lib/reconcile/remembered";
import { createJournal, type Attachment } from "../../../../lib/attachment/journal";
import { attachmentTag } from "../../../../lib/marks/tag";
import { record } from "../../../helpers/context";

const dir = mkdtempSync(join(tmpdir(), "remembered-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const attachment = record({ key: { network: "net", containerId: "c1", ifname: "eth0" } });
const tag = attachmentTag(attachment.key);

/** A real journal that counts how often a record is really read. */
function counted(name: string) {
  const journal = createJournal(join(dir, name));
  journal.prepare();
  let reads = 0;
  const known = remembered({
    ...journal,
    read: (each) => {
      reads++;
      return journal.read(each);
    },
  });
  const seen = (): Attachment | undefined => {
    const found = known.read(tag);
    return found !== undefined && "attachment" in found ? found.attachment : undefined;
  };
  const settled = async (): Promise<void> => {
    while (journal.stamp(tag) === undefined) await new Promise((done) => setTimeout(done, 20));
  };
  return { journal, known, seen, settled, reads: () => reads };
}

test("a record is read once, and again when it is another one", async () => {
  const { journal, seen, settled, reads } = counted("once");
  journal.write(tag, attachment);
  await settled();
  const first = seen();
  expect([first, seen() === first, reads()]).toEqual([attachment, true, 1]);
  journal.write(tag, { ...attachment, source: "another" });
  expect(seen()?.source).toBe("another");
  journal.remove(tag);
  expect(seen()).toBeUndefined();
});

test("one that has just been written is read each time: the next one might look the same", () => {
  const { journal, seen, reads } = counted("young");
  journal.write(tag, attachment);
  const busy = reads();
  seen();
  seen();
  // On a machine that stood still in between, it is old by now.
  expect(reads() - busy).toBeGreaterThanOrEqual(journal.stamp(tag) === undefined ? 2 : 1);
});

test("what is written over in place, with the times of before, is another one", async () => {
  const { journal, seen, settled } = counted("in-place");
  journal.write(tag, attachment);
  await settled();
  seen();
  const file = join(dir, "in-place", `${tag}.json`);
  writeFileSync(
    file,
    JSON.stringify({ ...attachment, netns: attachment.netns.replace(/.$/, "X") }),
  );
  utimesSync(file, 0, 0);
  expect(seen()?.netns).toMatch(/X$/);
});

test("what has gone is forgotten with the next list, and the rest is as in the journal", async () => {
  const { journal, known, seen, settled, reads } = counted("gone");
  known.write(tag, attachment);
  await settled();
  seen();
  expect(known.tags()).toEqual([tag]);
  expect(known.stamp(tag)).toBe(journal.stamp(tag));
  journal.remove(tag);
  expect(known.tags()).toEqual([]);
  expect(seen()).toBeUndefined();
  expect(reads()).toBe(2);
});
