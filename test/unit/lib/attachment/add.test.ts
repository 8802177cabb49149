import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../../../lib/cni/error";
import { attachmentTag } from "../../../../lib/marks/tag";
import { add } from "../../../../lib/attachment/add";
import { tenantWith } from "../../../helpers/conf-object";
import {
  failing,
  KEY,
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
    annotation: { key: "tenant.routing/fwmark", value: "0x10/0xff", source: "pod" },
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

describe("an address that the tenant's pod must not have", () => {
  const POOL = { tenants: [tenantWith({ pool: ["10.66.0.0/24", "fd00::/64"] })] };

  test("outside of the tenant's pool it is refused by name, and undone", async () => {
    s = setUp(POOL);
    await expect(add(s.context)).rejects.toMatchObject({
      code: 102,
      message:
        'delegate "noop" gave 10.0.0.5, which is not in the pool of tenant "tenant-a" (10.66.0.0/24, fd00::/64): ' +
        'ask for an address of the pool, or correct "pool" in the conflist',
    });
    expect(verbs()).toEqual(["ADD", "DEL"]);
    nothingLeft();
  });

  test("one that the pod asks for outside of it is refused before anything is created", async () => {
    const annotations = { "tenant.routing/fwmark": "0x10/0xff" };
    const ips = ["10.66.0.9/24", "10.67.0.9/24"];
    const runtimeConfig = { "io.kubernetes.cri.pod-annotations": annotations, ips };
    s = setUp({ ...POOL, runtimeConfig });
    await expect(add(s.context)).rejects.toMatchObject({
      code: 7,
      message: expect.stringContaining(
        'the pod asks for 10.67.0.9/24, which is not in the pool of tenant "tenant-a"',
      ),
    });
    expect(verbs()).toEqual([]);
    nothingLeft();
  });

  test("in the pool it is taken, and so it is where the pod has no tenant", async () => {
    s = setUp({ tenants: [tenantWith({ pool: ["10.0.0.0/24"] })] });
    await add(s.context);
    s.cleanUp();
    s = setUp({ ...POOL, ...UNANNOTATED, kubeconfig: undefined });
    await add(s.context);
    expect(state()).toMatchObject({ state: "complete", addresses: ["10.0.0.5"] });
  });
});

describe("an address that another pod has", () => {
  const OTHER = { ...KEY, containerId: "other" };
  const writeOther = (part: object): void =>
    s.context.node.journal.write(
      attachmentTag(OTHER),
      record({ key: OTHER, netns: "/run/netns/other", addresses: ["10.0.0.5"], ...part }),
    );

  test("is refused while that pod is there, and its mark stays", async () => {
    s = setUp();
    writeOther({});
    await s.marks.install({
      ...{ key: OTHER, label: "x/y", mark: { value: 32, mask: 255 } },
      ...{ addresses: ["10.0.0.5"], markReplies: false },
    });
    const before = [...s.marks.installed];
    await expect(add(s.context)).rejects.toMatchObject({
      code: 102,
      message:
        'delegate "noop" gave 10.0.0.5, which pod team-a/web-0 (container other) has, and that one is still there: ' +
        "its IPAM has lost track of it; delete that pod, or correct the IPAM",
    });
    expect(verbs()).toEqual(["ADD", "DEL"]);
    expect(s.marks.installed).toEqual(before);
  });

  test("is refused while that pod is being added, too", async () => {
    s = setUp();
    writeOther({ state: "intent" });
    await expect(add(s.context)).rejects.toMatchObject({ code: 102 });
    expect(verbs()).toEqual(["ADD", "DEL"]);
  });

  test.each([
    ["whose sandbox is gone", { netns: "/gone/x" }],
    ["that is being deleted", { state: "deleting" }],
    ["of another address", { addresses: ["10.0.0.6"] }],
    ["of the same sandbox", { netns: "/run/netns/x" }],
  ])("a pod %s keeps nobody from it", async (_name, part) => {
    s = setUp();
    writeOther(part);
    await add(s.context);
    expect(state()).toMatchObject({ state: "complete" });
  });

  test("host-local is not asked twice: it gives no address away that is taken", async () => {
    s = setUp({ delegate: { type: "noop", ipam: { type: "host-local" } } });
    writeFileSync(join(s.context.request.cni.path[0] ?? "", "host-local"), "#!/bin/sh\n");
    writeOther({});
    await add(s.context);
    expect(state()).toMatchObject({ state: "complete" });
  });
});
