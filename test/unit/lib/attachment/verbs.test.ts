import { factFields } from "../../../../lib/attachment/facts";
import { runVerb } from "../../../../lib/attachment/verbs";
import {
  failing,
  onNode,
  otherRequest,
  record,
  RESULT,
  setUp,
  TAG,
  type Setup,
} from "../../../helpers/context";
import { attachmentIn } from "../../../../lib/attachment/journal";
import { CniError } from "../../../../lib/cni/error";

/** Of the request of `setUp`. */
const OWNER = { pid: 4242, startTime: "1", request: "1" };
let s: Setup;
afterEach(() => s?.cleanUp());
const fields = () => factFields(s.context.request.progress.facts);

test("an outcome has the output, and the facts", async () => {
  s = setUp();
  expect(await runVerb("ADD", s.context)).toEqual({
    facts: s.context.request.progress.facts,
    output: JSON.stringify(RESULT),
  });
  expect(s.context.request.progress.facts.addresses).toEqual(["10.0.0.5"]);
});

test("a failed ADD has the facts that were known by then", async () => {
  s = setUp();
  s.answers["ADD"] = failing(11, "busy");
  expect(await runVerb("ADD", s.context)).toMatchObject({
    error: { code: 11 },
    facts: { choice: { source: "pod", value: "0x10/0xff" } },
  });
  expect(fields()).toMatchObject({ mark: "0x10/0xff" });
  expect(fields()).not.toHaveProperty("addresses");
});

test("whatever is thrown is the outcome's error", async () => {
  s = setUp();
  s.answers["ADD"] = () => {
    throw new Error("odd");
  };
  expect(await runVerb("ADD", s.context)).toMatchObject({ error: { code: 199 } });
});

test("the node's own network namespace is refused before anything is done", async () => {
  s = setUp({}, { netns: "/proc/self/ns/net" });
  expect(await runVerb("ADD", s.context)).toEqual({
    facts: {},
    error: expect.objectContaining({ code: 8 }),
  });
  expect(s.calls).toEqual([]);
});

test("a request is at work until it has its outcome", async () => {
  s = setUp();
  const { requests } = s.context.node;
  s.answers["ADD"] = () => {
    expect([...requests]).toEqual(["1"]);
    return failing(11, "busy");
  };
  await runVerb("ADD", s.context);
  expect([...requests]).toEqual([]);
});

describe("what a request leaves unfinished is nobody's work once it has ended, though the process goes on", () => {
  const nobody = { ...OWNER, startTime: "" };
  const left = (): unknown => attachmentIn(s.context.node.journal, TAG);

  test("a DEL that failed", async () => {
    s = setUp();
    s.context.node.journal.write(TAG, record());
    s.answers["DEL"] = failing(9, "busy");
    expect(await runVerb("DEL", s.context)).toMatchObject({ error: { code: 9 } });
    expect(left()).toEqual(record({ state: "deleting", owner: nobody }));
    s.answers["DEL"] = {};
    expect(await runVerb("DEL", otherRequest(s, "2"))).toMatchObject({ output: "" });
    expect(left()).toBeUndefined();
  });

  test("a DEL without a record that failed", async () => {
    s = setUp();
    s.answers["DEL"] = failing(9, "busy");
    expect(await runVerb("DEL", s.context)).toMatchObject({ error: { code: 9 } });
    expect(left()).toMatchObject({ state: "deleting", unknown: true, owner: nobody });
  });

  test("an ADD that failed and could not be rolled back", async () => {
    s = setUp();
    for (const verb of ["ADD", "DEL"]) s.answers[verb] = failing(9, "busy");
    expect(await runVerb("ADD", s.context)).toMatchObject({ error: { code: 9 } });
    expect(left()).toMatchObject({ state: "intent", owner: nobody });
  });

  test("each attachment that a GC could not take down", async () => {
    s = setUp({ gc: { "cni.dev/valid-attachments": [] } });
    s.context.node.journal.write(TAG, record());
    s.answers["DEL"] = failing(9, "busy");
    expect(await runVerb("GC", s.context)).toMatchObject({ error: { code: 9 } });
    expect(left()).toEqual(record({ state: "deleting", owner: nobody }));
  });

  test("what another request has taken over stays that one's", async () => {
    s = setUp();
    const theirs = record({ state: "deleting", owner: { pid: 77, startTime: "1" } });
    s.context.node.journal.write(TAG, record());
    s.answers["DEL"] = () => {
      s.context.node.journal.write(TAG, theirs);
      return failing(9, "busy");
    };
    await runVerb("DEL", s.context);
    expect([left(), s.warnings]).toEqual([theirs, []]);
  });

  test("a journal that cannot be written is a warning, and the DEL's own error stays", async () => {
    s = setUp();
    s.context.node.journal.write(TAG, record());
    s.answers["DEL"] = failing(9, "busy");
    const { journal } = s.context.node;
    const write: typeof journal.write = (tag, attachment) => {
      if (attachment.owner.startTime === "") throw new CniError("journal", "disk full");
      journal.write(tag, attachment);
    };
    const context = onNode(s, { journal: { ...journal, write } });
    expect(await runVerb("DEL", context)).toMatchObject({ error: { code: 9 } });
    expect(s.warnings.map(({ message }) => message)).toEqual(["disk full"]);
    expect(left()).toEqual(record({ state: "deleting", owner: OWNER }));
  });
});
