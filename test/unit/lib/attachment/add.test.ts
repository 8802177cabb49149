import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../../../lib/cni/error";
import { attachmentTag } from "../../../../lib/marks/tag";
import { add } from "../../../../lib/attachment/add";
import { del } from "../../../../lib/attachment/del";
import type { Context } from "../../../../lib/attachment/context";
import { tenantWith } from "../../../helpers/conf-object";
import {
  failing,
  KEY,
  otherRequest,
  record,
  RESULT,
  setUp,
  stdout,
  TAG,
  type Setup,
} from "../../../helpers/context";

/** The runtime passes annotations, and the pod has none. */
const UNANNOTATED = { runtimeConfig: { "io.kubernetes.cri.pod-annotations": {} } };

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

test("delegate, rules, journal, and the delegate's bytes", async () => {
  s = setUp();
  const text = `${JSON.stringify(RESULT, null, 3)}\n`;
  s.answers["ADD"] = () => {
    expect(state()).toMatchObject({
      state: "intent",
      mark: { value: 16, mask: 255 },
      delegate: { type: "noop" },
    });
    return stdout(text);
  };
  expect(await add(s.context)).toBe(text);
  expect(s.marks.installed.map(({ address, piece, label }) => [address, piece, label])).toEqual([
    ["10.0.0.5", "mark rule", "team-a/web-0"],
    ["10.0.0.5", "reply rule", "team-a/web-0"],
  ]);
  expect(state()).toMatchObject({
    state: "complete",
    addresses: ["10.0.0.5"],
    backend: "nft",
    result: RESULT,
    source: "pod annotation tenant.routing/fwmark",
  });
  expect(verbs()).toEqual(["ADD"]);
});

test("a pod without a mark is journalled, and evicts who had its address", async () => {
  s = setUp({ ...UNANNOTATED, kubeconfig: undefined });
  const other = { ...KEY, containerId: "old" };
  await s.marks.install({
    key: other,
    label: "x/y",
    mark: { value: 32, mask: 255 },
    addresses: ["10.0.0.5"],
    markReplies: false,
  });
  await add(s.context);
  expect(s.marks.installed).toEqual([]);
  expect(state()).toMatchObject({ state: "complete", addresses: ["10.0.0.5"] });
  expect(state()?.mark).toBeUndefined();
  expect(s.context.request.progress.facts.evicted).toEqual([attachmentTag(other)]);
});

test("the tenant's patch goes to the delegate and into the journal", async () => {
  s = setUp({
    tenants: [tenantWith({ delegate: { mtu: 1400, drop: null } })],
    delegate: { type: "noop", drop: 1 },
  });
  await add(s.context);
  expect(s.calls[0]?.netconf).toEqual({
    type: "noop",
    mtu: 1400,
    name: "net",
    cniVersion: "1.0.0",
    runtimeConfig: s.context.request.conf.runtimeConfig,
  });
  expect(state()).toMatchObject({ tenant: "tenant-a", delegate: { type: "noop", mtu: 1400 } });
});

describe("nothing is created when the likeliest things fail", () => {
  test.each<[string, Parameters<typeof setUp>[0], number]>([
    [
      "refused mark",
      { runtimeConfig: { "io.kubernetes.cri.pod-annotations": { "tenant.routing/fwmark": "0" } } },
      7,
    ],
    ["missing delegate", { delegate: { type: "absent" } }, 100],
    ["ptp without ipam", { delegate: { type: "ptp" } }, 7],
  ])("%s", async (_name, conf, code) => {
    s = setUp(conf);
    await expect(add(s.context)).rejects.toMatchObject({ code });
    expect(verbs()).toEqual([]);
    nothingLeft();
  });
});

test("a failing delegate is followed by exactly one DEL, and its own error comes back", async () => {
  s = setUp();
  s.answers["ADD"] = failing(11, "busy");
  await expect(add(s.context)).rejects.toMatchObject({
    code: 11,
    message: expect.stringContaining("busy"),
  });
  expect(verbs()).toEqual(["ADD", "DEL"]);
  nothingLeft();
});

test("when that DEL fails too, the ADD's error stays, and the record waits for the next DEL", async () => {
  s = setUp();
  s.answers["ADD"] = failing(11, "busy");
  s.answers["DEL"] = failing(12, "worse");
  await expect(add(s.context)).rejects.toMatchObject({
    code: 11,
    details: expect.stringContaining("worse"),
  });
  expect(state()?.state).toBe("intent");
});

test.each([
  "null",
  "[]",
  "text",
  "",
  "{}{}",
  '{"cniVersion":"1.0.0","ips":[{"address":"example.com"}]}',
  '{"cniVersion":"1.0.0","ips":[]}',
])("an unusable result (%j) is rolled back", async (text) => {
  s = setUp();
  s.answers["ADD"] = stdout(text);
  await expect(add(s.context)).rejects.toMatchObject({ code: 102 });
  expect(verbs()).toEqual(["ADD", "DEL"]);
  nothingLeft();
});

describe("rules that cannot be programmed", () => {
  const failure = new CniError("rules", "iptables is on fire");
  test("deny: rolled back, the delegate gets its own result as prevResult", async () => {
    s = setUp();
    s.marks.fail.install = failure;
    await expect(add(s.context)).rejects.toMatchObject({ code: 110 });
    expect(s.calls[1]).toMatchObject({ verb: "DEL", netconf: { prevResult: RESULT } });
    nothingLeft();
  });
  test("allow: the pod starts unmarked, with a warning", async () => {
    s = setUp({ onError: "allow" });
    s.marks.fail.install = failure;
    expect(JSON.parse(await add(s.context))).toEqual(RESULT);
    expect(s.warnings).toEqual([failure]);
    expect(state()?.mark).toBeUndefined();
    expect(verbs()).toEqual(["ADD"]);
  });
});

test("allow does not cover a stale rule on the pod's address that cannot be removed", async () => {
  const failure = new CniError("rules", "iptables is on fire");
  for (const conf of [{}, { ...UNANNOTATED, kubeconfig: undefined }]) {
    s = setUp({ onError: "allow", ...conf });
    s.marks.fail.install = failure;
    s.marks.fail.evict = failure;
    await expect(add(s.context)).rejects.toMatchObject({ code: 110 });
    expect(verbs()).toEqual(["ADD", "DEL"]);
    nothingLeft();
    s.cleanUp();
  }
});

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

test("a result too large for the journal is passed on, and not kept", async () => {
  s = setUp();
  const large = { ...RESULT, padding: "x".repeat(1024 * 1024) };
  s.answers["ADD"] = stdout(large);
  expect(JSON.parse(await add(s.context))).toEqual(large);
  expect(s.context.node.journal.read(TAG)).toEqual({
    attachment: expect.not.objectContaining({ result: expect.anything() }),
  });
});

test("chained mode marks the previous plugin's addresses and passes its result on", async () => {
  s = setUp({ delegate: undefined, prevResult: RESULT });
  expect(JSON.parse(await add(s.context))).toEqual(RESULT);
  expect(verbs()).toEqual([]);
  expect(s.marks.installed).toHaveLength(2);
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
