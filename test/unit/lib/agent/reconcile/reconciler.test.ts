/** The reconciler on marks in memory: what it repairs, what it changes, and what it only reports. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CniError } from "../../../../../lib/cni/error";
import { attachmentTag } from "../../../../../lib/marks/tag";
import { tenantWith } from "../../../../helpers/conf-object";
import { KEY, Rig } from "./rig";

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

describe("annotations that change on a running pod", () => {
  test("another mark is in force and on record", async () => {
    const tag = await rig.attach("a", A);
    rig.pods = { "team-a/a": { [KEY]: "0x20/0xff" } };
    await rig.looks(2);
    expect(rig.installed()).toEqual(["10.0.0.1 0x20"]);
    expect(rig.recordOf(tag)).toMatchObject({
      mark: B.mark,
      source: `pod annotation ${KEY}`,
      backend: "nft",
    });
    expect(rig.messages("change")).toEqual([
      `pod team-a/a (container a): mark 0x10/0xff became 0x20/0xff (pod annotation ${KEY})`,
    ]);
    expect([rig.messages("repair"), rig.reconciler.figures().changes]).toEqual([[], 1]);
  });

  test("a pod without a mark gets its first one, and the record says where it is", async () => {
    const unmarked = { mark: undefined, backend: undefined } as never;
    const tag = await rig.attach("a", { addresses: ["10.0.0.1"], ...(unmarked as object) });
    rig.pods = { "team-a/a": {} };
    rig.namespaces = { "team-a": { [KEY]: "0x20/0xff" } };
    await rig.looks(1);
    expect(rig.installed()).toEqual(["10.0.0.1 0x20"]);
    expect(rig.recordOf(tag)).toMatchObject({ mark: B.mark, markReplies: false, backend: "nft" });
  });

  test("an annotation that is removed takes the mark with it", async () => {
    const tag = await rig.attach("a", { ...A, tenant: "tenant-a" });
    rig.pods = { "team-a/a": {} };
    rig.namespaces = { "team-a": {} };
    await rig.looks(2);
    expect(rig.installed()).toEqual([]);
    const kept = rig.recordOf(tag);
    expect([kept?.state, kept?.mark, kept?.tenant, kept?.backend]).toEqual([
      "complete",
      undefined,
      undefined,
      undefined,
    ]);
    expect(kept?.source).toBe("no annotation on the pod or its namespace");
  });

  test("the record keeps the mark while its rules cannot be removed", async () => {
    const tag = await rig.attach("a", A);
    rig.pods = { "team-a/a": {} };
    rig.namespaces = { "team-a": {} };
    rig.marks.fail.remove = new CniError("rules", "busy");
    await rig.looks(2);
    expect(rig.recordOf(tag)?.mark).toEqual(A.mark);
    rig.marks.fail = {};
    await rig.looks(1);
    expect([rig.recordOf(tag)?.mark, rig.installed()]).toEqual([undefined, []]);
  });

  test("a value that is refused keeps the mark that is there, and is said once", async () => {
    rig.conf = { ...rig.conf, tenants: [tenantWith({ namespaces: ["team-b"] })] };
    await rig.attach("a", { ...B, tenant: "tenant-b" });
    rig.pods = { "team-a/a": { [KEY]: "tenant-a" } };
    await rig.looks(4);
    expect(rig.installed()).toEqual(["10.0.0.2 0x20"]);
    expect(rig.messages("condition")).toEqual([
      expect.stringMatching(
        /^pod team-a\/a \(container a\) keeps the mark it has: namespace "team-a" may not use tenant "tenant-a"/,
      ),
    ]);
    expect(rig.reconciler.figures().refusals).toBe(1);
    rig.pods = { "team-a/a": { [KEY]: "nobody" } };
    await rig.looks(1);
    expect(rig.messages("condition")).toHaveLength(2);
  });

  test("another tenant's pool needs a new pod, which is said with the change", async () => {
    rig.conf = {
      ...rig.conf,
      tenants: [
        tenantWith(),
        tenantWith({ name: "tenant-b", mark: B.mark, delegate: { mtu: 1400 } }),
      ],
    };
    const tag = await rig.attach("a", { ...A, tenant: "tenant-a", delegate: { type: "noop" } });
    rig.pods = { "team-a/a": { [KEY]: "tenant-b" } };
    await rig.looks(1);
    expect(rig.recordOf(tag)).toMatchObject({ tenant: "tenant-b", delegate: { type: "noop" } });
    expect(rig.messages("change")[0]).toContain(
      'tenant tenant-b (pod annotation tenant.routing/fwmark); its interface stays as it was made: recreate the pod to give it the delegate settings of tenant "tenant-b"',
    );
  });

  test("a tenant's new mark in the conflist reaches its running pods", async () => {
    rig.conf = { ...rig.conf, tenants: [tenantWith()] };
    await rig.attach("a", { ...A, tenant: "tenant-a" });
    rig.pods = { "team-a/a": { [KEY]: "tenant-a" } };
    await rig.looks(1);
    rig.conf = { ...rig.conf, tenants: [tenantWith({ mark: { value: 0x99, mask: 0xff } })] };
    await rig.looks(1);
    expect(rig.installed()).toEqual(["10.0.0.1 0x99"]);
  });

  test.each<[string, () => void]>([
    [
      "onAnnotationChange is ignore",
      () => (rig.conf = { ...rig.conf, onAnnotationChange: "ignore" }),
    ],
    ["it is another network's pod", () => (rig.conf = { ...rig.conf, name: "other" })],
    ["the pod is not known", () => (rig.pods = {})],
    ["the namespace is not known", () => (rig.pods = { "team-a/a": {} })],
  ])("nothing changes where %s", async (_, arrange) => {
    await rig.attach("a", A);
    rig.pods = { "team-a/a": { [KEY]: "0x20/0xff" } };
    arrange();
    await rig.looks(2);
    expect([rig.installed(), rig.said]).toEqual([["10.0.0.1 0x10"], []]);
  });

  test("another pod of the same name says nothing", async () => {
    await rig.attach("a", { ...A, pod: { namespace: "team-a", name: "a", uid: "other" } });
    rig.pods = { "team-a/a": { [KEY]: "0x20/0xff" } };
    await rig.looks(2);
    expect(rig.installed()).toEqual(["10.0.0.1 0x10"]);
  });

  test("a namespace that becomes exempt has no marks, without any look at annotations", async () => {
    await rig.attach("a", A);
    rig.conf = { ...rig.conf, exemptNamespaces: ["team-*"] };
    await rig.looks(1);
    expect(rig.installed()).toEqual([]);
  });

  test("a pod without an address cannot get a mark", async () => {
    const tag = await rig.attach("a", { ...A, addresses: [] });
    rig.pods = { "team-a/a": { [KEY]: "0x20/0xff" } };
    await rig.looks(2);
    expect(rig.recordOf(tag)?.mark).toEqual(A.mark);
    expect(rig.messages("condition")[0]).toContain("it has no address that could be marked");
  });
});

describe("with a guard", () => {
  beforeEach(() => {
    rig = new Rig(dir, { guarded: true });
  });

  test("the guard is put right, follows a change and goes with the mark", async () => {
    await rig.attach("a", A);
    rig.guard.installed = [];
    await rig.looks(1);
    expect(rig.installed(rig.guard)).toEqual(["10.0.0.1 0x10"]);
    rig.pods = { "team-a/a": { [KEY]: "0x20/0xff" } };
    await rig.looks(1);
    expect([rig.installed(), rig.installed(rig.guard)]).toEqual([
      ["10.0.0.1 0x20"],
      ["10.0.0.1 0x20"],
    ]);
    rig.pods = { "team-a/a": {} };
    rig.namespaces = { "team-a": {} };
    await rig.looks(1);
    expect([rig.installed(), rig.installed(rig.guard)]).toEqual([[], []]);
  });
});
