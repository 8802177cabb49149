import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { attachmentTag } from "../../../../lib/marks/tag";
import { check } from "../../../../lib/attachment/check";
import { failing, KEY, record, RESULT, setUp, TAG, type Setup } from "../../../helpers/context";

let s: Setup;
afterEach(() => s.cleanUp());
const attached = async (key = KEY, part = {}) => {
  const attachment = record({ key, ...part });
  s.context.node.journal.write(attachmentTag(key), attachment);
  await s.marks.install({
    key,
    label: "team-a/web-0",
    mark: { value: 16, mask: 255 },
    addresses: attachment.addresses,
    markReplies: false,
  });
};

test("asks the delegate, then compares the rules", async () => {
  s = setUp({ prevResult: RESULT });
  await attached();
  expect(await check(s.context)).toBe("");
  expect(s.calls).toMatchObject([{ verb: "CHECK", netconf: { prevResult: RESULT } }]);
});
test.each<[string, () => void, number]>([
  [
    "no prevResult",
    () => {
      s = setUp();
    },
    7,
  ],
  [
    "no record",
    () => {
      s = setUp({ prevResult: RESULT });
    },
    114,
  ],
  [
    "a corrupt record",
    () => {
      s = setUp({ prevResult: RESULT });
      writeFileSync(join(s.journalDir, `${TAG}.json`), "{", { mode: 0o600 });
    },
    113,
  ],
  [
    "an unfinished ADD",
    () => {
      s = setUp({ prevResult: RESULT });
      s.context.node.journal.write(TAG, record({ state: "intent" }));
    },
    114,
  ],
  [
    "a missing rule",
    () => {
      s = setUp({ prevResult: RESULT });
      s.context.node.journal.write(TAG, record());
    },
    111,
  ],
  [
    "a failing delegate",
    () => {
      s = setUp({ prevResult: RESULT });
      s.context.node.journal.write(TAG, record());
      s.answers["CHECK"] = failing(123, "x");
    },
    123,
  ],
])("%s", async (_name, prepare, code) => {
  prepare();
  await expect(check(s.context)).rejects.toMatchObject({ code });
});
