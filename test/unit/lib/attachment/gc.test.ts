import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../../../lib/cni/error";
import { attachmentTag } from "../../../../lib/marks/tag";
import { gc } from "../../../../lib/attachment/gc";
import { tenantWith } from "../../../helpers/conf-object";
import { failing, KEY, record, setUp, TAG, type Setup } from "../../../helpers/context";

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

const OTHER = { ...KEY, containerId: "c2" };
const FOREIGN = { ...KEY, network: "other" };
const entry = ({ containerId, ifname }: typeof KEY) => ({ containerID: containerId, ifname });
const tags = () => [...s.context.node.journal.tags()].sort();

test("takes down what is not listed, of this network only, then forwards", async () => {
  s = setUp({ gc: { "cni.dev/valid-attachments": [entry(KEY)] } });
  await attached();
  await attached(OTHER, { addresses: ["10.0.0.6"] });
  await attached(FOREIGN, { addresses: ["10.0.0.7"] });
  await gc(s.context);
  expect(tags()).toEqual([TAG, attachmentTag(FOREIGN)].sort());
  expect(s.calls.map(({ verb, env }) => [verb, env["CNI_CONTAINERID"]])).toEqual([
    ["DEL", "c2"],
    ["GC", undefined],
  ]);
  expect(s.calls[1]?.netconf).toMatchObject({ "cni.dev/valid-attachments": [entry(KEY)] });
});
test.each([[[]], [null]])("%j: all of this network go", async (list) => {
  s = setUp({ gc: { "cni.dev/valid-attachments": list } });
  await attached();
  await gc(s.context);
  expect([tags(), s.marks.installed]).toEqual([[], []]);
});
test("no list: nothing goes", async () => {
  s = setUp();
  await attached();
  await gc(s.context);
  expect(tags()).toEqual([TAG]);
  expect(verbs()).toEqual(["GC"]);
});
test("the older key alone is honoured", async () => {
  s = setUp({ gc: { "cni.dev/attachments": [] } });
  await attached();
  await gc(s.context);
  expect(tags()).toEqual([]);
});
test.each(["x", [1], [{}], [{ containerID: "c1" }], { a: 1 }])(
  "a malformed list (%j) removes nothing",
  async (list) => {
    s = setUp({ gc: { "cni.dev/valid-attachments": list as never } });
    await attached();
    await expect(gc(s.context)).rejects.toMatchObject({ code: 7 });
    expect(tags()).toEqual([TAG]);
    expect(verbs()).toEqual([]);
  },
);
test("rules without a record go by their tag", async () => {
  s = setUp({ gc: { "cni.dev/valid-attachments": [] } });
  await attached();
  s.context.node.journal.remove(TAG);
  await gc(s.context);
  expect(s.marks.installed).toEqual([]);
});
test("an ADD under way is left alone", async () => {
  s = setUp({ gc: { "cni.dev/valid-attachments": [] } });
  await attached(KEY, { state: "intent" });
  await gc(s.context);
  expect(tags()).toEqual([TAG]);
});
test("a record that somebody else has taken over meanwhile is not removed", async () => {
  s = setUp({ gc: { "cni.dev/valid-attachments": [] } });
  await attached();
  const theirs = record({ state: "deleting", owner: { pid: 77, startTime: "1" } });
  s.answers["DEL"] = () => {
    s.context.node.journal.write(TAG, theirs);
    return {};
  };
  await gc(s.context);
  expect(s.context.node.journal.read(TAG)).toEqual({ attachment: theirs });
});
test("one failure: the others are done, the error comes at the end", async () => {
  s = setUp({ gc: { "cni.dev/valid-attachments": [] } });
  await attached();
  await attached(OTHER, { addresses: ["10.0.0.6"] });
  let first = true;
  s.answers["DEL"] = () => {
    const fails = first;
    first = false;
    return fails ? failing(9, "x") : {};
  };
  s.answers["GC"] = failing(13, "delegate");
  await expect(gc(s.context)).rejects.toMatchObject({
    code: 9,
    details: expect.stringContaining("delegate"),
  });
  expect(tags()).toHaveLength(1);
});
test("a record that cannot be trusted: told at the end, the others and the delegate's GC are done", async () => {
  s = setUp({ gc: { "cni.dev/valid-attachments": [] } });
  await attached();
  await attached(OTHER, { addresses: ["10.0.0.6"] });
  chmodSync(join(s.journalDir, `${TAG}.json`), 0o644);
  await expect(gc(s.context)).rejects.toMatchObject({
    code: 113,
    message: expect.stringContaining("0644"),
  });
  expect(tags()).toEqual([TAG]);
  expect(s.calls.map(({ verb, env }) => [verb, env["CNI_CONTAINERID"]])).toEqual([
    ["DEL", "c2"],
    ["GC", undefined],
  ]);
});
test("what is no record file of ours is moved out of the way with a warning, the others and the delegate's GC are done", async () => {
  s = setUp({ gc: { "cni.dev/valid-attachments": [] } });
  await attached(OTHER, { addresses: ["10.0.0.6"] });
  mkdirSync(join(s.journalDir, `${TAG}.json`));
  await gc(s.context);
  expect(s.warnings).toMatchObject([
    {
      code: 113,
      message: expect.stringMatching(/not a regular file.*it was moved to .*unusable-/),
    },
  ]);
  expect(tags()).toEqual([]);
  expect(s.calls.map(({ verb, env }) => [verb, env["CNI_CONTAINERID"]])).toEqual([
    ["DEL", "c2"],
    ["GC", undefined],
  ]);
});
test("rules that cannot be listed: told at the end, the delegate's GC is done", async () => {
  s = setUp({ gc: { "cni.dev/valid-attachments": [] } });
  await attached();
  s.marks.fail.list = new CniError("rules", "broken");
  await expect(gc(s.context)).rejects.toMatchObject({ code: 110 });
  expect([tags(), verbs()]).toEqual([[TAG], ["GC"]]);
});
test("every distinct delegate netconf is told once", async () => {
  s = setUp({ tenants: [tenantWith(), tenantWith({ name: "vpn", delegate: { mtu: 1400 } })] });
  await gc(s.context);
  expect(s.calls.map(({ netconf }) => netconf["mtu"])).toEqual([undefined, 1400]);
});
test("chained mode has no delegate to tell", async () => {
  s = setUp({ delegate: undefined });
  await gc(s.context);
  expect(verbs()).toEqual([]);
});
