import { factFields } from "../../../../lib/attachment/facts";
import { runVerb } from "../../../../lib/attachment/verbs";
import { failing, RESULT, setUp, type Setup } from "../../../helpers/context";

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
