import { add } from "../../../../lib/attachment/add";
import { del } from "../../../../lib/attachment/del";
import { factFields } from "../../../../lib/attachment/facts";
import { tenantWith } from "../../../helpers/conf-object";
import { record, setUp, TAG, type Setup } from "../../../helpers/context";

let s: Setup;
afterEach(() => s?.cleanUp());
const fields = () => factFields(s.context.request.progress.facts);

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
