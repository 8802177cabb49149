/** A request that takes over from an agent, and one that a DEL has overtaken. */
import type { Context } from "../../../../lib/attachment/context";
import { add } from "../../../../lib/attachment/add";
import { del, takeBack } from "../../../../lib/attachment/del";
import type { Attachment, Owner } from "../../../../lib/attachment/journal";
import { ERRORS } from "../../../../lib/cni/error";
import {
  KEY,
  otherRequest,
  RESULT,
  setUp,
  stdout,
  TAG,
  type Setup,
} from "../../../helpers/context";

const AGENT: Owner = { pid: 77, startTime: "5", request: "12" };

let s: Setup;
afterEach(() => s.cleanUp());
const verbs = () => s.calls.map(({ verb }) => verb);
const record = (): Attachment | undefined => {
  const found = s.context.node.journal.read(TAG);
  return found !== undefined && "attachment" in found ? found.attachment : undefined;
};
const takingOver = (takesOver: Owner = AGENT): Context => ({
  ...s.context,
  request: { ...s.context.request, takesOver },
});

/** What an ADD of the agent has on record when it got as far as `state`. */
async function agentGotTo(state: "intent" | "complete"): Promise<void> {
  await add(s.context);
  const done = record() as Attachment;
  s.context.node.journal.write(TAG, { ...done, state, owner: AGENT });
  s.calls.splice(0);
}

test("an ADD that the agent had done is answered from the record, and not done again", async () => {
  s = setUp();
  await agentGotTo("complete");
  expect(JSON.parse(await add(takingOver()))).toEqual(RESULT);
  expect(verbs()).toEqual([]);
  expect(record()).toMatchObject({ state: "complete", owner: s.context.request.owner });
});

test("what was taken over, its first request does not take back", async () => {
  s = setUp();
  await add(s.context);
  const next = otherRequest(s, "2");
  const takesOver = s.context.request.owner;
  expect(JSON.parse(await add({ ...next, request: { ...next.request, takesOver } }))).toEqual(
    RESULT,
  );
  expect(await takeBack(s.context)).toBe(false);
  expect([verbs(), s.marks.installed.length]).toEqual([["ADD"], 2]);
  expect(await takeBack(next)).toBe(true);
  expect([verbs(), s.marks.installed, record()]).toEqual([["ADD", "DEL"], [], undefined]);
});

test("what was taken back first is added anew", async () => {
  s = setUp();
  await add(s.context);
  expect(await takeBack(s.context)).toBe(true);
  const next = otherRequest(s, "2");
  const takesOver = s.context.request.owner;
  await add({ ...next, request: { ...next.request, takesOver } });
  expect(verbs()).toEqual(["ADD", "DEL", "ADD"]);
  expect(record()).toMatchObject({ state: "complete", owner: next.request.owner });
});

test("an ADD that a DEL and another ADD have followed takes nothing back", async () => {
  s = setUp();
  await add(s.context);
  const next = otherRequest(s, "2");
  await del(next);
  expect(await takeBack(s.context)).toBe(false);
  await add(next);
  expect(await takeBack(s.context)).toBe(false);
  expect([verbs(), record()?.state]).toEqual([["ADD", "DEL", "ADD"], "complete"]);
});

test("a record of another request of that agent is no answer", async () => {
  s = setUp();
  await agentGotTo("complete");
  await expect(add(takingOver({ ...AGENT, request: "13" }))).rejects.toMatchObject({
    code: ERRORS.duplicateAttachment.code,
  });
  expect(verbs()).toEqual([]);
});

test("without a result on record the attachment is refused as any other that is there", async () => {
  s = setUp();
  await agentGotTo("complete");
  const { result: _result, ...without } = record() as Attachment;
  s.context.node.journal.write(TAG, without);
  await expect(add(takingOver())).rejects.toMatchObject({
    code: ERRORS.duplicateAttachment.code,
  });
});

test("what a dead agent left half done is taken down first, then added", async () => {
  s = setUp();
  await agentGotTo("intent");
  await add(takingOver());
  expect(verbs()).toEqual(["DEL", "ADD"]);
  expect(record()).toMatchObject({ state: "complete" });
});

test("an agent that lives and does not answer keeps its ADD: the runtime is told to try again", async () => {
  s = setUp();
  await agentGotTo("intent");
  s.alive.add(AGENT.pid);
  await expect(add(takingOver())).rejects.toMatchObject({
    code: ERRORS.tryAgainLater.code,
    message: expect.stringContaining("process 77") as unknown,
  });
  expect(verbs()).toEqual([]);
});

test("an ADD that a DEL has overtaken takes no address from whoever has it now", async () => {
  s = setUp();
  const other = { ...KEY, containerId: "next" };
  s.answers["ADD"] = () => {
    // While the delegate runs: the DEL, and another pod that is given the address.
    s.context.node.journal.remove(TAG);
    void s.marks.install({
      key: other,
      label: "team-b/next",
      mark: { value: 0x20, mask: 0xff },
      addresses: ["10.0.0.5"],
      markReplies: false,
    });
    return stdout(RESULT);
  };
  await expect(add(s.context)).rejects.toMatchObject({ code: ERRORS.superseded.code });
  expect(s.marks.installed.map(({ label }) => label)).toEqual(["team-b/next", "team-b/next"]);
});

test("nor does one without a mark", async () => {
  s = setUp({
    runtimeConfig: { "io.kubernetes.cri.pod-annotations": {} },
    kubeconfig: undefined,
  });
  s.answers["ADD"] = () => {
    s.context.node.journal.remove(TAG);
    return stdout(RESULT);
  };
  await expect(add(s.context)).rejects.toMatchObject({ code: ERRORS.superseded.code });
});

test("the launcher of a request is not taken for what a killed ADD left running", async () => {
  s = setUp();
  const spared: (readonly number[] | undefined)[] = [];
  const node = {
    ...s.context.node,
    leftovers: {
      end: async (_id: string, _ifname: string, pids?: readonly number[]) => {
        spared.push(pids);
        return 0;
      },
    },
  };
  await del({ node, request: { ...s.context.request, helpers: [4711] } });
  expect(spared).toEqual([[4711]]);
});
