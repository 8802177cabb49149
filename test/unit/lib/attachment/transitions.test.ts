/** What a key and its record go through, as the verbs bring it about. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { add } from "../../../../lib/attachment/add";
import { del } from "../../../../lib/attachment/del";
import type { Context } from "../../../../lib/attachment/context";
import {
  failing,
  otherRequest,
  record,
  RESULT,
  setUp,
  stdout,
  TAG,
  type Setup,
} from "../../../helpers/context";

let s: Setup;
afterEach(() => s.cleanUp());
const state = () => {
  const found = s.context.node.journal.read(TAG);
  return found !== undefined && "attachment" in found ? found.attachment : undefined;
};
const verbs = () => s.calls.map(({ verb }) => verb);
const nothingLeft = () => {
  expect(s.marks.installed).toEqual([]);
  expect(s.context.node.journal.tags()).toEqual([]);
};

describe("a record under the same key", () => {
  test("complete: refused, and left alone", async () => {
    s = setUp();
    s.context.node.journal.write(TAG, record());
    await expect(add(s.context)).rejects.toMatchObject({ code: 112 });
    expect(state()).toEqual(record());
    expect(verbs()).toEqual([]);
  });
  test("intent of a live process: refused", async () => {
    s = setUp();
    s.alive.add(77);
    s.context.node.journal.write(
      TAG,
      record({ state: "intent", owner: { pid: 77, startTime: "1" } }),
    );
    await expect(add(s.context)).rejects.toMatchObject({ code: 112 });
  });
  test.each(["intent", "deleting"] as const)(
    "%s of a dead process: cleaned up first",
    async (remains) => {
      s = setUp();
      s.context.node.journal.write(
        TAG,
        record({
          state: remains,
          owner: { pid: 77, startTime: "1" },
          delegate: { type: "noop", old: true },
        }),
      );
      await add(s.context);
      expect(verbs()).toEqual(["DEL", "ADD"]);
      expect(s.calls[0]?.netconf["old"]).toBe(true);
      expect(s.ended).toEqual(["c1"]);
      expect(state()?.state).toBe("complete");
    },
  );
  test.each(["intent", "deleting"] as const)(
    "%s of a dead process that cannot be cleaned up: the ADD fails, the record stays for the next DEL",
    async (remains) => {
      s = setUp();
      const left = record({
        state: remains,
        owner: { pid: 77, startTime: "1" },
        delegate: { type: "noop", old: true },
      });
      s.context.node.journal.write(TAG, left);
      s.answers["DEL"] = failing(9, "busy");
      await expect(add(s.context)).rejects.toMatchObject({
        code: 9,
        details: expect.stringContaining("nothing was added"),
      });
      expect(verbs()).toEqual(["DEL"]);
      expect(state()).toEqual({ ...left, state: "deleting", owner: s.context.request.owner });
      s.answers["DEL"] = {};
      await del(s.context);
      expect(s.calls.at(-1)).toMatchObject({
        verb: "DEL",
        netconf: { old: true, prevResult: RESULT },
      });
      nothingLeft();
    },
  );
  test("deleting, by a process that still runs: later, and left alone", async () => {
    s = setUp();
    s.alive.add(77);
    const theirs = record({ state: "deleting", owner: { pid: 77, startTime: "1" } });
    s.context.node.journal.write(TAG, theirs);
    await expect(add(s.context)).rejects.toMatchObject({
      code: 11,
      message: expect.stringContaining("process 77"),
    });
    expect([verbs(), state()]).toEqual([[], theirs]);
  });
  test("the mark of a DEL that died, about something that it did not know: nothing to clean up", async () => {
    s = setUp();
    s.context.node.journal.write(
      TAG,
      record({ state: "deleting", unknown: true, owner: { pid: 77, startTime: "1" } }),
    );
    await add(s.context);
    expect([verbs(), state()?.state]).toEqual([["ADD"], "complete"]);
  });
  test("unreadable: it may be in use, so it is refused, and a DEL makes room", async () => {
    s = setUp();
    const path = join(s.journalDir, `${TAG}.json`);
    writeFileSync(path, "{", { mode: 0o600 });
    await expect(add(s.context)).rejects.toMatchObject({
      code: 113,
      message: expect.stringMatching(/container c1, interface "eth0".*DEL it before adding again/),
    });
    expect([verbs(), readFileSync(path, "utf8")]).toEqual([[], "{"]);
    await del(s.context);
    await add(s.context);
    expect(state()?.state).toBe("complete");
  });
});

test("a DEL that came in between makes the ADD give way, and has its record left to it", async () => {
  s = setUp();
  const theirs = record({ state: "deleting", owner: { pid: 77, startTime: "1" } });
  s.answers["ADD"] = () => {
    s.context.node.journal.write(TAG, theirs);
    return stdout(RESULT);
  };
  await expect(add(s.context)).rejects.toMatchObject({ code: 115 });
  expect(verbs()).toEqual(["ADD", "DEL"]);
  expect([s.marks.installed, state()]).toEqual([[], theirs]);
});

test("a process with the PID of the ADD is not the ADD", async () => {
  s = setUp();
  s.answers["ADD"] = () => {
    s.context.node.journal.write(
      TAG,
      record({ state: "intent", owner: { pid: s.context.request.owner.pid, startTime: "later" } }),
    );
    return stdout(RESULT);
  };
  await expect(add(s.context)).rejects.toMatchObject({ code: 115 });
});

describe("two requests of one process", () => {
  const during = (run: (other: Context) => Promise<unknown>) => {
    const outcome: { error?: unknown } = {};
    s.answers["ADD"] = async () => {
      delete s.answers["ADD"];
      await run(otherRequest(s, "2")).catch((error: unknown) => (outcome.error = error));
      return stdout(RESULT);
    };
    return outcome;
  };

  test("an ADD of a key that the other is adding is refused, as if it were another process", async () => {
    s = setUp();
    const second = during(add);
    await add(s.context);
    expect(second.error).toMatchObject({ code: 112 });
    expect([verbs(), state()?.state]).toEqual([["ADD"], "complete"]);
  });
  test("an ADD of a key that the other is deleting comes later", async () => {
    s = setUp();
    let error: unknown;
    s.answers["DEL"] = async () => {
      await add(otherRequest(s, "2")).catch((thrown: unknown) => (error = thrown));
      return {};
    };
    s.context.node.journal.write(TAG, record());
    await del(s.context);
    expect(error).toMatchObject({ code: 11, message: expect.stringContaining("under way") });
    expect([verbs(), s.context.node.journal.tags()]).toEqual([["DEL"], []]);
  });
  test("a DEL makes the other's ADD give way", async () => {
    s = setUp();
    const second = during(del);
    await expect(add(s.context)).rejects.toMatchObject({ code: 115 });
    expect(second.error).toBeUndefined();
    expect(verbs()).toEqual(["ADD", "DEL", "DEL"]);
    nothingLeft();
  });
  test("an ADD gives way too when a DEL and a new ADD of the same process came in between", async () => {
    s = setUp();
    const theirs = record({ state: "intent", owner: { ...s.context.request.owner, request: "3" } });
    s.answers["ADD"] = () => {
      s.context.node.journal.write(TAG, theirs);
      return stdout(RESULT);
    };
    await expect(add(s.context)).rejects.toMatchObject({ code: 115 });
    expect(state()).toEqual(theirs);
  });
});

test("a record without a request is that of the whole process, as older versions wrote it", async () => {
  s = setUp();
  const { request: _request, ...process } = s.context.request.owner;
  s.answers["ADD"] = () => {
    s.context.node.journal.write(TAG, record({ state: "intent", owner: process }));
    return stdout(RESULT);
  };
  await add(s.context);
  expect(state()?.state).toBe("complete");
});
