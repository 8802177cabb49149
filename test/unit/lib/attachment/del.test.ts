import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../../../lib/cni/error";
import type { Attachment } from "../../../../lib/attachment/journal";
import { attachmentTag } from "../../../../lib/marks/tag";
import { del } from "../../../../lib/attachment/del";
import {
  failing,
  KEY,
  onNode,
  record,
  RESULT,
  setUp,
  TAG,
  type Setup,
} from "../../../helpers/context";

let s: Setup;
afterEach(() => s.cleanUp());
const verbs = () => s.calls.map(({ verb }) => verb);
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

test("rules before the delegate, journal last; the journal's netconf and result are used", async () => {
  s = setUp({ delegate: { type: "noop", now: "changed" } });
  await attached(KEY, { delegate: { type: "noop", then: "used" } });
  s.answers["DEL"] = () => {
    expect(s.marks.installed).toEqual([]);
    expect(s.context.node.journal.tags()).toEqual([TAG]);
    return {};
  };
  expect(await del(s.context)).toBe("");
  expect(s.calls[0]?.netconf).toMatchObject({ then: "used", prevResult: RESULT });
  expect(s.context.node.journal.tags()).toEqual([]);
});

test("the runtime's prevResult goes before the journal's", async () => {
  s = setUp({ prevResult: { cniVersion: "1.0.0", later: true } });
  await attached();
  await del(s.context);
  expect(s.calls[0]?.netconf["prevResult"]).toEqual({ cniVersion: "1.0.0", later: true });
});

test("of an attachment that nobody knows: the delegate is still called, and no ADD of it begins meanwhile", async () => {
  s = setUp();
  s.answers["DEL"] = () => {
    expect(s.context.node.journal.read(TAG)).toMatchObject({
      attachment: { state: "deleting", unknown: true, owner: s.context.request.owner },
    });
    return {};
  };
  await del(s.context);
  expect([verbs(), s.context.node.journal.tags()]).toEqual([["DEL"], []]);
});

test.each([
  ["names the pod of CNI_ARGS", "team-a", { namespace: "team-a", name: "web-0" }],
  ["names none when CNI_ARGS has nonsense, and goes on", "Team_A", undefined],
])("of an attachment that nobody knows: its record %s", async (_, namespace, pod) => {
  s = setUp(
    {},
    {
      args: new Map([
        ["K8S_POD_NAMESPACE", namespace],
        ["K8S_POD_NAME", "web-0"],
      ]),
    },
  );
  s.answers["DEL"] = failing(9, "not now");
  await expect(del(s.context)).rejects.toMatchObject({ code: 9 });
  const found = s.context.node.journal.read(TAG);
  expect(found !== undefined && "attachment" in found ? found.attachment.pod : "no record").toEqual(
    pod,
  );
});

test("the mark of a DEL that died, about something that it did not know, is no record: the conflist's delegate is called", async () => {
  s = setUp({ delegate: { type: "noop", now: "used" } });
  const {
    delegate: _delegate,
    result: _result,
    mark: _mark,
    ...mark
  } = record({ state: "deleting", unknown: true, owner: { pid: 77, startTime: "1" } });
  s.context.node.journal.write(TAG, mark);
  await del(s.context);
  expect(s.calls).toMatchObject([{ verb: "DEL", netconf: { now: "used" } }]);
  expect(s.context.node.journal.tags()).toEqual([]);
});

test("of an unfinished ADD ends the processes that it left", async () => {
  s = setUp();
  await attached(KEY, { state: "intent", owner: { pid: 1, startTime: "0" } });
  await del(s.context);
  expect(s.ended).toEqual(["c1"]);
});

test("a failing delegate: rule gone, its error returned, record kept for the next DEL", async () => {
  s = setUp();
  await attached();
  s.answers["DEL"] = failing(9, "container not found: No such file or directory");
  await expect(del(s.context)).rejects.toMatchObject({
    code: 9,
    message: expect.not.stringMatching(/not found|no such file/i),
  });
  expect(s.marks.installed).toEqual([]);
  s.answers["DEL"] = {};
  await del(s.context);
  expect(s.context.node.journal.tags()).toEqual([]);
});

test("rules that cannot be removed: the delegate is still called, the error returned", async () => {
  s = setUp();
  await attached();
  s.marks.fail.remove = new CniError("rules", "broken");
  await expect(del(s.context)).rejects.toMatchObject({ code: 110 });
  expect(verbs()).toEqual(["DEL"]);
});

test("an unusable journal: rules and delegate are still taken down, then the error", async () => {
  s = setUp();
  await attached();
  const locks = {
    hold: () => Promise.reject(new CniError("journal", "unsafe")),
    sweep: async () => {},
  };
  await expect(del(onNode(s, { locks }))).rejects.toMatchObject({ code: 113 });
  expect([s.marks.installed, verbs()]).toEqual([[], ["DEL"]]);
});

test("a corrupt record: told, and taken down by tag and conflist", async () => {
  s = setUp();
  await attached();
  writeFileSync(join(s.journalDir, `${TAG}.json`), "{", { mode: 0o600 });
  await del(s.context);
  expect(s.warnings).toMatchObject([{ code: 113, message: expect.stringContaining("unusable") }]);
  expect([s.marks.installed, verbs(), s.context.node.journal.tags()]).toEqual([[], ["DEL"], []]);
});

test("a record that cannot be rewritten (full disk) is still taken down and removed", async () => {
  s = setUp();
  await attached();
  const journal = {
    ...s.context.node.journal,
    write: () => {
      throw new CniError("journal", "ENOSPC");
    },
  };
  await del(onNode(s, { journal }));
  expect(s.warnings).toMatchObject([{ message: "ENOSPC" }]);
  expect([s.marks.installed, s.context.node.journal.tags()]).toEqual([[], []]);
});

test("the record says who is deleting it, also when somebody had begun before", async () => {
  s = setUp();
  await attached(KEY, { state: "deleting", owner: { pid: 77, startTime: "1" } });
  s.answers["DEL"] = () => {
    expect(s.context.node.journal.read(TAG)).toEqual({
      attachment: record({ state: "deleting", owner: s.context.request.owner }),
    });
    return {};
  };
  await del(s.context);
  expect(s.context.node.journal.tags()).toEqual([]);
});

test.each<[string, Partial<Attachment>]>([
  ["taken over by another DEL", { state: "deleting", owner: { pid: 77, startTime: "1" } }],
  ["added again", { state: "intent", owner: { pid: 77, startTime: "1" } }],
  [
    "added again, by a process of our PID",
    { state: "intent", owner: { pid: 4242, startTime: "2" } },
  ],
  ["added again and complete", { state: "complete", since: "2026-01-02T00:00:00.000Z" }],
])("a record that was %s meanwhile is not removed", async (_name, part) => {
  for (const known of [true, false]) {
    s = setUp();
    if (known) await attached();
    s.answers["DEL"] = () => {
      s.context.node.journal.write(TAG, record(part));
      return {};
    };
    await del(s.context);
    expect(s.context.node.journal.read(TAG)).toEqual({ attachment: record(part) });
    if (known) s.cleanUp();
  }
});

test("leftover processes that were ended are in the log line", async () => {
  s = setUp();
  await attached(KEY, { state: "intent", owner: { pid: 1, startTime: "0" } });
  await del(onNode(s, { leftovers: { end: async () => 2 } }));
  expect(s.context.request.progress.facts.leftoversEnded).toBe(2);
});

test("in chained mode there is no delegate to call", async () => {
  s = setUp({ delegate: undefined });
  await del(s.context);
  expect(verbs()).toEqual([]);
});
