/** The reconciler on marks in memory: what it repairs, and what it only reports. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CniError } from "../../../../lib/cni/error";
import { attachmentTag } from "../../../../lib/marks/tag";
import { Rig } from "./rig";

let dir: string;
let rig: Rig;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "reconcile-"));
  rig = new Rig(dir);
});
afterEach(async () => {
  await rig.stop();
  rmSync(dir, { recursive: true });
});

const A = { mark: { value: 0x10, mask: 0xff }, addresses: ["10.0.0.1"] };
const B = { mark: { value: 0x20, mask: 0xff }, addresses: ["10.0.0.2"] };

describe("marks that others change", () => {
  test("all that is missing comes back, and is said in one line", async () => {
    await rig.attach("a", A);
    await rig.attach("b", B);
    rig.marks.installed = [];
    await rig.looks(2);
    expect(rig.installed()).toEqual(["10.0.0.1 0x10", "10.0.0.2 0x20"]);
    expect(rig.messages("repair")).toEqual([
      expect.stringMatching(/^repaired the marks of 2 pods \(4 missing\): pod team-a\/a/),
    ]);
    expect(rig.reconciler.figures()).toMatchObject({
      wanted: 4,
      installed: 4,
      repairs: { missing: 4, double: 0, "wrong-mark": 0, unexpected: 0 },
      conditions: [],
    });
  });

  test("a double, a wrong and an unexpected mark are put right", async () => {
    const tag = await rig.attach("a", A);
    await rig.attach("b", B);
    const [rule] = rig.marks.installed.filter((each) => each.tag === tag);
    const [other] = rig.marks.installed.filter((each) => each.tag !== tag);
    if (rule === undefined || other === undefined) throw new Error("nothing installed");
    rig.marks.installed.push({ ...rule }, { ...rule, address: "10.9.9.9" });
    rig.marks.installed = rig.marks.installed.map((each) =>
      each === other ? { ...each, mark: undefined } : each,
    );
    await rig.looks(2);
    expect(rig.installed()).toEqual(["10.0.0.1 0x10", "10.0.0.2 0x20"]);
    expect(rig.reconciler.figures().repairs).toEqual({
      missing: 0,
      double: 1,
      "wrong-mark": 1,
      unexpected: 1,
    });
  });

  test("what is under the tag of a pod without a mark is removed", async () => {
    const tag = await rig.attach("a", A);
    const { mark: _mark, ...unmarked } = rig.recordOf(tag) ?? { addresses: [] };
    rig.journal.write(tag, unmarked as never);
    await rig.looks(1);
    expect(rig.installed()).toEqual([]);
  });

  test("an attachment that is being added or deleted, or whose record is damaged, is left alone", async () => {
    for (const state of ["intent", "deleting"] as const)
      await rig.attach(state, { ...A, state }, { bare: true });
    await rig.looks(2);
    expect([rig.installed(), rig.said]).toEqual([[], []]);
  });

  test("a restore that fails is said once, tried again, and over when it succeeds", async () => {
    await rig.attach("a", A, { bare: true });
    rig.marks.fail.install = new CniError("rules", "no such table");
    await rig.looks(3);
    expect(rig.messages("condition")).toEqual(["not all marks could be put right: no such table"]);
    rig.marks.fail = {};
    await rig.looks(2);
    expect(rig.installed()).toEqual(["10.0.0.1 0x10"]);
    expect(rig.messages("condition").slice(1)).toEqual([
      "over: not all marks could be put right: no such table",
    ]);
  });

  test("a listing that fails is said once", async () => {
    rig.marks.fail.list = new CniError("rules", "nobody home");
    await rig.looks(3);
    expect(rig.messages("condition")).toEqual(["the marks cannot be compared: nobody home"]);
  });

  test("one lock that stays busy keeps no other pod from being repaired", async () => {
    await rig.attach("a", A, { bare: true });
    await rig.attach("b", B, { bare: true });
    await rig.attach("c", { ...A, addresses: ["10.0.0.3"] }, { bare: true });
    const { restore } = rig.marks;
    rig.marks.restore = (orders) => {
      if (orders.some(({ addresses }) => addresses.includes("10.0.0.2")))
        throw new CniError("tryAgainLater", "busy");
      return restore.call(rig.marks, orders);
    };
    await rig.looks(1);
    expect(rig.installed()).toEqual(["10.0.0.1 0x10", "10.0.0.3 0x10"]);
    expect(rig.messages("condition")).toEqual(["not all marks could be put right: busy"]);
  });
});

describe("what is only reported", () => {
  test("marks without a record, from the second look on, once", async () => {
    const key = { network: "other", containerId: "x", ifname: "eth0" };
    await rig.marks.install({ key, label: "n/p", markReplies: true, ...A });
    await rig.looks(1);
    expect(rig.said).toEqual([]);
    await rig.looks(3);
    expect(rig.messages("condition")).toEqual([
      `1 attachments have marks and no record in this "dataDir" (n/p ${attachmentTag(key)}): they are left alone`,
    ]);
    await rig.marks.remove([attachmentTag(key)]);
    await rig.looks(2);
    expect(rig.messages("condition")).toHaveLength(2);
  });

  test("another attachment's mark on a pod's address: the pod's own is not put there", async () => {
    const key = { network: "other", containerId: "x", ifname: "eth0" };
    await rig.attach("a", A, { bare: true });
    await rig.marks.install({
      key,
      label: "n/p",
      markReplies: true,
      ...B,
      addresses: ["10.0.0.1"],
    });
    await rig.looks(3);
    expect(rig.installed()).toEqual(["10.0.0.1 0x20"]);
    expect(rig.messages("condition")[0]).toMatch(
      /^pod team-a\/a \(container a\): rule of another attachment \(n\/p .* its own marks are left as they are: recreate the pod$/,
    );
  });

  test("of two records with one address, the younger has the mark", async () => {
    await rig.attach("old", { ...A, since: "2026-01-01T00:00:00.000Z" }, { bare: true });
    await rig.attach(
      "young",
      { ...B, addresses: ["10.0.0.1"], since: "2026-02-01T00:00:00.000Z" },
      { bare: true },
    );
    await rig.looks(3);
    expect(rig.installed()).toEqual(["10.0.0.1 0x20"]);
    expect(rig.messages("condition").join()).toContain("pod team-a/old");
  });
});
