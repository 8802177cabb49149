import { add } from "../../../../lib/attachment/add";
import { del } from "../../../../lib/attachment/del";
import { createProgress, factFields, outcomeOf } from "../../../../lib/attachment/outcome";
import { runVerb } from "../../../../lib/attachment/verbs";
import { CniError } from "../../../../lib/cni/error";
import { tenantWith } from "../../../helpers/conf-object";
import { failing, record, setUp, TAG, type Setup } from "../../../helpers/context";

let s: Setup;
afterEach(() => s?.cleanUp());
const fields = () => factFields(s.context.request.progress.facts);

test("an outcome has the output or the error, and the facts either way", async () => {
  const progress = createProgress();
  progress.note({ addresses: ["10.0.0.5"] });
  const facts = { addresses: ["10.0.0.5"] };
  expect(await outcomeOf(progress, async () => "text")).toEqual({ facts, output: "text" });
  const error = new CniError("rules", "broken");
  expect(await outcomeOf(progress, () => Promise.reject(error))).toEqual({ facts, error });
  expect(await outcomeOf(progress, () => Promise.reject(new Error("odd")))).toMatchObject({
    facts,
    error: { code: 199 },
  });
});

test("the log fields of an ADD", async () => {
  s = setUp({ tenants: [tenantWith()] });
  await add(s.context);
  expect(fields()).toEqual({
    mark: "0x10/0xff",
    tenant: "tenant-a",
    source: "pod annotation tenant.routing/fwmark",
    addresses: ["10.0.0.5"],
    delegateMs: 0,
    rulesMs: 0,
  });
});

test("the log fields of a DEL", async () => {
  s = setUp();
  s.context.node.journal.write(TAG, record());
  await del(s.context);
  expect(fields()).toEqual({ mark: "0x10/0xff", addresses: ["10.0.0.5"], delegateMs: 0 });
});

test("those of a pod without a mark, and of a DEL of what nobody knows", async () => {
  s = setUp({ runtimeConfig: { "io.kubernetes.cri.pod-annotations": {} }, kubeconfig: undefined });
  await add(s.context);
  expect(fields()).toMatchObject({
    mark: "none",
    source: "no annotation from the runtime, and no kubeconfig to look further",
  });
  s.cleanUp();
  s = setUp();
  await del(s.context);
  expect(fields()).toEqual({ delegateMs: 0 });
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
