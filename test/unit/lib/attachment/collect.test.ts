import {
  attachmentLabel,
  collectAbandoned,
  collectNowAndThen,
  contextFor,
  findAbandoned,
} from "../../../../lib/attachment/collect";
import type { Node } from "../../../../lib/attachment/context";
import { CniError } from "../../../../lib/cni/error";
import { attachmentTag } from "../../../../lib/marks/tag";
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
beforeEach(() => (s = setUp()));
afterEach(() => s.cleanUp());

const GONE = "/gone/x";
const SINCE = Date.parse(record().since);
const OTHER = { ...KEY, containerId: "c2" };
const DEAD = { pid: 77, startTime: "1" };
/** The context so long after the records were made. */
const later = (ms: number, part: Partial<Node> = {}) => {
  const clock = { ...s.context.node.clock, now: () => new Date(SINCE + ms) };
  return onNode(s, { clock, isCollectionDue: () => true, ...part });
};
const left = async (part: Parameters<typeof record>[0] = {}) => {
  const attachment = record({ netns: GONE, ...part });
  const { key, addresses } = attachment;
  s.context.node.journal.write(attachmentTag(key), attachment);
  const mark = { value: 16, mask: 255 };
  await s.marks.install({ key, label: "x", mark, addresses, markReplies: false });
  return { tag: attachmentTag(key), attachment };
};
const tags = () => [...s.context.node.journal.tags()].sort();
const verbs = () => s.calls.map(({ verb, env }) => `${verb} ${env["CNI_CONTAINERID"]}`);
const warnings = () => s.warnings.map(({ message }) => message);

describe("findAbandoned", () => {
  test("finds what has no sandbox, of any network", async () => {
    const one = await left();
    const two = await left({ key: { ...OTHER, network: "another" }, addresses: ["10.0.0.6"] });
    const found = findAbandoned(later(60_000));
    expect(found).toHaveLength(2);
    expect(found).toEqual(expect.arrayContaining([one, two]));
  });

  test.each([
    ["younger than a minute", {}, 59_999],
    ["with a sandbox", { netns: "/run/netns/x" }, 60_000],
    ["that a living process is at work on", { state: "deleting", owner: DEAD }, 60_000],
  ] as const)("not one %s", async (_, part, age) => {
    s.alive.add(77);
    await left(part);
    expect(findAbandoned(later(age))).toEqual([]);
  });

  test("one that a dead process was at work on", async () => {
    const dead = await left({ state: "intent", owner: DEAD });
    expect(findAbandoned(later(60_000))).toEqual([dead]);
  });

  test("asks for the sandbox by where its ADD saw it from", async () => {
    await left({ seenFrom: "1:2 3:4" });
    const sandboxState = jest.fn(() => "unknown" as const);
    expect(findAbandoned(later(60_000, { sandboxState }))).toEqual([]);
    expect(sandboxState).toHaveBeenCalledWith(GONE, "1:2 3:4");
  });
});

describe("collectAbandoned", () => {
  test("does what its DEL would have: delegate, mark and record are gone", async () => {
    const abandoned = await left({ key: OTHER });
    expect(await collectAbandoned(later(60_000), abandoned)).toBe(true);
    expect([tags(), s.marks.installed, verbs()]).toEqual([[], [], ["DEL c2"]]);
    expect(s.calls[0]?.netconf).toMatchObject({ type: "noop", prevResult: RESULT });
  });

  test("what a DEL wrote without knowing the attachment goes by the conflist's delegates", async () => {
    const abandoned = await left({
      ...{ unknown: true, state: "deleting", owner: DEAD },
      delegate: { type: "absent" },
    });
    expect(await collectAbandoned(later(60_000), abandoned)).toBe(true);
    expect(s.calls.map(({ netconf }) => netconf["type"])).toEqual(["noop"]);
    expect(tags()).toEqual([]);
  });

  test("a DEL was faster, or an ADD came under the same name: nothing is done", async () => {
    const abandoned = await left();
    s.context.node.journal.remove(TAG);
    expect(await collectAbandoned(later(60_000), abandoned)).toBe(false);
    await left({ addresses: ["10.0.0.9"] });
    expect(await collectAbandoned(later(60_000), abandoned)).toBe(false);
    expect([tags(), verbs()]).toEqual([[TAG], []]);
  });

  test("a sandbox that is back is left alone", async () => {
    const abandoned = await left();
    const context = later(60_000, { sandboxState: () => "there" });
    expect(await collectAbandoned(context, abandoned)).toBe(false);
    expect([tags(), verbs()]).toEqual([[TAG], []]);
  });

  test("what fails stays on record", async () => {
    const abandoned = await left();
    s.answers["DEL"] = failing(9, "busy");
    const collecting = collectAbandoned(later(60_000), abandoned);
    await expect(collecting).rejects.toMatchObject({ code: 9 });
    expect(s.context.node.journal.read(TAG)).toMatchObject({ attachment: { state: "deleting" } });
  });
});

describe("collectNowAndThen", () => {
  test("not before it is due", async () => {
    await left();
    await collectNowAndThen(later(60_000, { isCollectionDue: () => false }));
    expect([tags(), verbs()]).toEqual([[TAG], []]);
  });

  test("sweeps the locks, takes down what is abandoned, and says so", async () => {
    await left();
    const sweep = jest.fn(async () => {});
    await collectNowAndThen(later(60_000, { locks: { ...s.context.node.locks, sweep } }));
    expect(sweep).toHaveBeenCalledTimes(1);
    expect([tags(), verbs()]).toEqual([[], ["DEL c1"]]);
    expect(warnings()).toEqual([
      "pod team-a/web-0 (container c1): its network namespace /gone/x no longer exists and no DEL came: its rules, addresses and record were removed",
    ]);
  });

  test("one that cannot be taken down is a warning, and the next is taken down", async () => {
    await left();
    await left({ key: OTHER, addresses: ["10.0.0.6"] });
    const busy = failing(9, "busy");
    s.answers["DEL"] = () => (s.calls.at(-1)?.env["CNI_CONTAINERID"] === "c1" ? busy : {});
    await collectNowAndThen(later(60_000));
    expect(tags()).toEqual([TAG]);
    expect(warnings().sort()).toEqual([
      expect.stringMatching(
        /^container c1, whose sandbox is gone, could not be cleaned up: .*busy/,
      ),
      expect.stringMatching(/container c2.*were removed$/),
    ]);
  });

  test("the ADD's own pod does not wait longer than five seconds", async () => {
    await left();
    await left({ key: OTHER, addresses: ["10.0.0.6"] });
    let elapsed = 0;
    s.answers["DEL"] = () => {
      elapsed += 5000;
      return {};
    };
    const context = later(60_000);
    const clock = { ...context.node.clock, elapsed: () => elapsed };
    await collectNowAndThen({ ...context, node: { ...context.node, clock } });
    expect([tags().length, verbs().length]).toEqual([1, 1]);
  });

  test.each([
    [1000, 1000],
    [60_000, 5000],
  ])("a delegate that may take %i ms gets %i ms", async (timeoutMs, given) => {
    await left();
    const asked: (number | undefined)[] = [];
    const context = later(60_000);
    const exec: Node["exec"] = {
      run: (request) => {
        asked.push(request.timeoutMs);
        return s.context.node.exec.run(request);
      },
    };
    const delegate = { ...context.request.delegate, timeoutMs, exec };
    await collectNowAndThen({ ...context, request: { ...context.request, delegate } });
    expect(asked).toEqual([given]);
  });

  test("what goes wrong is a warning and not the ADD's failure", async () => {
    const sweep = () => Promise.reject(new CniError("io", "full"));
    await collectNowAndThen(later(60_000, { locks: { ...s.context.node.locks, sweep } }));
    expect(warnings()).toEqual(["full"]);
  });
});

describe("contextFor", () => {
  test("is that of the attachment's DEL, with nothing of the present request", () => {
    const key = { ...OTHER, network: "another" };
    const conf = { ...s.context.request.conf, prevResult: RESULT, args: { cni: {} } };
    const now = { ...s.context, request: { ...s.context.request, conf } };
    const { request } = contextFor(now, record({ key }), "tag", "/run/netns/y");
    expect([request.key, request.tag]).toEqual([key, "tag"]);
    expect(request.conf).toMatchObject({
      ...{ name: "another", runtimeConfig: undefined, args: undefined, prevResult: undefined },
    });
    expect(request.delegate.env).toEqual({
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: "c2",
      CNI_IFNAME: "eth0",
      CNI_NETNS: "/run/netns/y",
      CNI_PATH: s.context.request.delegate.path.join(":"),
      CNI_ARGS:
        "IgnoreUnknown=1;K8S_POD_NAMESPACE=team-a;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c2",
    });
  });

  test.each([
    [["/opt/a", "/opt/b"], "/opt/a:/opt/b"],
    [undefined, ""],
  ])("without a CNI_PATH that of the ADD counts: %j", (cniPath, expected) => {
    const delegate = { ...s.context.request.delegate, path: [] };
    const agent = { ...s.context, request: { ...s.context.request, delegate } };
    const attachment = record(cniPath === undefined ? {} : { cniPath });
    const { request } = contextFor(agent, attachment, TAG, "");
    expect(request.delegate.path).toEqual(cniPath ?? []);
    expect(request.delegate.env["CNI_PATH"]).toBe(expected);
  });

  test("an attachment of no pod has no pod in CNI_ARGS, and none in messages", () => {
    const { pod: _pod, ...podless } = record();
    const { request } = contextFor(s.context, podless, TAG, "");
    expect(request.delegate.env["CNI_ARGS"]).toBe("IgnoreUnknown=1");
    expect(attachmentLabel(podless)).toBe("container c1");
  });
});
