/** The reconciler on marks in memory: annotations and a conflist that change while pods run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CniError } from "../../../../lib/cni/error";
import { tenantWith } from "../../../helpers/conf-object";
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

  describe("without an API server", () => {
    const SOURCE = { key: KEY, source: "pod" } as const;
    const record = (value: string) => ({
      ...A,
      tenant: "tenant-a",
      source: `pod annotation ${KEY}`,
      annotation: { ...SOURCE, value },
    });
    const NEW = { value: 0x99, mask: 0xff };

    test.each([
      ["as the record has the annotation", record("tenant-a")],
      [
        "as a record of an older version has the tenant",
        { ...record("tenant-a"), annotation: undefined as never },
      ],
    ])("a tenant's new mark reaches its running pods, %s", async (_, part) => {
      rig.conf = { ...rig.conf, tenants: [tenantWith({ mark: NEW })] };
      const tag = await rig.attach("a", part);
      await rig.looks(2);
      expect(rig.installed()).toEqual(["10.0.0.1 0x99"]);
      expect(rig.recordOf(tag)).toMatchObject({
        mark: NEW,
        tenant: "tenant-a",
        source: `pod annotation ${KEY}`,
        annotation: { ...SOURCE, value: "tenant-a" },
      });
      expect(rig.reconciler.figures().changes).toBe(1);
    });

    test("a literal means the tenant that has it today, as in an ADD", async () => {
      rig.conf = {
        ...rig.conf,
        tenants: [
          tenantWith({ mark: NEW }),
          tenantWith({ name: "tenant-b", mark: { value: 0x10, mask: 0xff } }),
        ],
      };
      const tag = await rig.attach("a", record("0x10"));
      await rig.looks(1);
      expect(rig.recordOf(tag)).toMatchObject({ mark: A.mark, tenant: "tenant-b" });
    });

    test("a tenant that is gone changes nothing, which is said", async () => {
      rig.conf = { ...rig.conf, tenants: [tenantWith({ name: "tenant-c", mark: NEW })] };
      await rig.attach("a", record("tenant-a"));
      await rig.looks(2);
      expect(rig.installed()).toEqual(["10.0.0.1 0x10"]);
      expect(rig.messages("condition")[0]).toContain(
        'keeps the mark it has: annotation tenant.routing/fwmark on the pod ("tenant-a") names no tenant of this node',
      );
    });

    test.each([
      ["the annotation has another key now", { annotationKeys: ["other/key"] }],
      ["onAnnotationChange is ignore", { onAnnotationChange: "ignore" as const }],
    ])("nothing changes where %s", async (_, part) => {
      rig.conf = { ...rig.conf, tenants: [tenantWith({ mark: NEW })], ...part };
      await rig.attach("a", record("tenant-a"));
      await rig.looks(2);
      expect([rig.installed(), rig.said]).toEqual([["10.0.0.1 0x10"], []]);
    });

    test("a pod whose annotations are known follows those", async () => {
      rig.conf = { ...rig.conf, tenants: [tenantWith(), tenantWith({ name: "tenant-b", ...B })] };
      const tag = await rig.attach("a", record("tenant-a"));
      rig.pods = { "team-a/a": { [KEY]: "tenant-b" } };
      await rig.looks(1);
      expect(rig.recordOf(tag)).toMatchObject({
        mark: B.mark,
        annotation: { ...SOURCE, value: "tenant-b" },
      });
    });
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
