/** The checks of the marks of pods, on a node with a real journal and marks in memory. */
import type { PluginConf } from "../../../../../conf/types";
import { foreignRules } from "../../../../../lib/checks/foreign/model";
import { usesInSave } from "../../../../../lib/routes/kernel/mark-uses-iptables";
import { podsChecks, type PodsView } from "../../../../../lib/checks/pods/checks";
import { runChecks, type Looked } from "../../../../../lib/checks/run";
import type { Attachment } from "../../../../../lib/attachment/journal";
import type { ApiLook } from "../../../../../lib/kube/watch/once";
import { attachmentTag } from "../../../../../lib/marks/tag";
import { confWith, tenantWith } from "../../../../helpers/conf-object";
import { KEY, record, setUp, TAG, type Setup } from "../../../../helpers/context";

const FWMARK = "tenant.routing/fwmark";
const TENANTS = [
  tenantWith({ name: "a", mark: { value: 0x10, mask: 0xff } }),
  tenantWith({ name: "b", mark: { value: 0x20, mask: 0xff } }),
];
const MARKED = { key: KEY, label: "team-a/web-0", markReplies: false } as const;
const ORDER = { ...MARKED, mark: { value: 0x10, mask: 0xff }, addresses: ["10.0.0.5"] };

let setup: Setup;
let conf: PluginConf;
beforeEach(() => {
  setup = setUp();
  conf = confWith({ tenants: TENANTS });
});
afterEach(() => setup.cleanUp());

const write = (part: Partial<Attachment> = {}): void => {
  const attachment = record(part);
  setup.context.node.journal.write(attachmentTag(attachment.key), attachment);
};

function checksOf(part: Partial<PodsView> = {}) {
  return podsChecks({
    conf: () => conf,
    node: () => setup.context.node,
    saved: async () => [],
    foreign: async () => ({ rules: [], unseen: [] }),
    inUse: async () => new Set(),
    api: () => Promise.reject(new Error("no API in this test")),
    ...part,
  });
}

async function look(name: string, part: Partial<PodsView> = {}): Promise<Looked> {
  const check = checksOf(part).find((each) => each.name === name);
  if (check === undefined) throw new Error(`no check ${name}`);
  return check.look();
}

test("only what needs no API server is local", () => {
  expect(checksOf().map(({ name, category, local }) => [name, category, local])).toEqual([
    ["marks", "pods", true],
    ["foreign rules", "pods", true],
    ["pools", "pods", true],
    ["annotations", "pods", false],
  ]);
});

describe("marks", () => {
  test("pods and marks are counted where nothing is wrong", async () => {
    write();
    await setup.marks.install(ORDER);
    const pieces = setup.marks.installed.length;
    expect(pieces).toBeGreaterThan(0);
    expect(await look("marks")).toEqual({ findings: [], summary: `1 pods, ${pieces} marks` });
  });

  test("each missing piece is a finding", async () => {
    write();
    const { findings, summary } = await look("marks");
    expect(summary).toBe("1 pods, 0 marks");
    expect(findings).toContainEqual({
      ...{ kind: "mark-missing", code: "TR0601", category: "pods", severity: "failed" },
      fault: "team-a/web-0: mark rule for 10.0.0.5 is missing",
      consequence: "its packets leave by the node's own default route, not by its tenant's",
      remedy: "wrapper repair --apply",
      subject: "team-a/web-0",
    });
  });

  test("a pod whose sandbox is gone owes a DEL", async () => {
    write({ netns: "/gone/x" });
    expect((await look("marks")).findings).toEqual([
      {
        ...{ kind: "del-owed", code: "TR0608", category: "pods", severity: "failed" },
        fault: "team-a/web-0: its sandbox is gone, and its DEL is owed",
        consequence: "its rules and its address stay until the runtime repeats it",
        remedy: "wrapper repair --apply",
        subject: "team-a/web-0",
      },
    ]);
  });

  test.each<[string, ReadonlySet<string> | undefined, string, string]>([
    [
      "that nobody has",
      new Set(["10.0.0.6"]),
      "a pod that is given the address by another plugin takes that tenant's gateway",
      "wrapper repair --apply --unclaimed",
    ],
    [
      "that somebody has",
      new Set(["10.0.0.5"]),
      "a pod has the address now and uses the mark; without a record nothing repairs it",
      "kubectl -n team-a delete pod web-0",
    ],
    [
      "that somebody may have",
      undefined,
      "a pod has the address now and uses the mark; without a record nothing repairs it",
      "kubectl -n team-a delete pod web-0",
    ],
  ])("marks without a record on an address %s", async (_, inUse, consequence, remedy) => {
    await setup.marks.install(ORDER);
    expect((await look("marks", { inUse: async () => inUse })).findings).toEqual([
      {
        ...{ kind: "mark-without-record", code: "TR0606", category: "pods", severity: "warning" },
        fault: `10.0.0.5 is marked for team-a/web-0 (${TAG}), which has no record in the journal`,
        ...{ consequence, remedy, subject: "team-a/web-0" },
      },
    ]);
  });

  test("nobody looks for addresses in use while all marks have records", async () => {
    write();
    const inUse = () => Promise.reject(new Error("looked"));
    expect((await look("marks", { inUse })).summary).toBe("1 pods, 0 marks");
    await setup.marks.install({ ...ORDER, key: { ...KEY, containerId: "c2" } });
    await expect(look("marks", { inUse })).rejects.toThrow("looked");
  });
});

describe("foreign rules", () => {
  const saved = (table: string, rule: string): Partial<PodsView> => {
    const [program, text] = ["iptables-nft", `*${table}\n${rule}\nCOMMIT\n`];
    return {
      saved: async () => [{ program, text }],
      foreign: async () => ({ rules: foreignRules(usesInSave(text, program)), unseen: [] }),
    };
  };

  test("one that gives a pod another tenant's mark", async () => {
    write();
    const spec = "-s 10.0.0.5/32 -j MARK --set-xmark 0x20/0xff";
    const rules = saved("mangle", `-A PREROUTING ${spec}`);
    expect((await look("foreign rules", rules)).findings).toEqual([
      {
        ...{ kind: "foreign-mark", code: "TR0611", category: "pods", severity: "failed" },
        fault: `the foreign rule "${spec}" (iptables-nft mangle PREROUTING) marks packets of pod team-a/web-0`,
        consequence: "it goes with mark 0x20/0xff, as tenant b",
        remedy: `iptables-nft -w -t mangle -D PREROUTING ${spec}`,
        subject: "team-a/web-0",
      },
    ]);
  });

  test("one that keeps connections from being tracked, except of a pod that marks replies", async () => {
    const rules = saved("raw", "-A PREROUTING -s 10.0.0.5/32 -j NOTRACK");
    const { markReplies: _, ...old } = record();
    setup.context.node.journal.write(TAG, old);
    expect((await look("foreign rules", rules)).findings).toEqual([
      {
        ...{ kind: "untracked-pod", code: "TR0612", category: "pods", severity: "failed" },
        fault:
          'the rule "-s 10.0.0.5/32 -j NOTRACK" in raw keeps connections of pod team-a/web-0 from being tracked',
        consequence:
          "replies to clients from outside keep the mark and leave by the tenant's gateway",
        remedy: "iptables-nft -w -t raw -D PREROUTING -s 10.0.0.5/32 -j NOTRACK",
        subject: "team-a/web-0",
      },
    ]);
    write({ markReplies: true });
    expect((await look("foreign rules", rules)).findings).toEqual([]);
  });

  test("a pod that is not complete is not judged, nor one whose record cannot be read", async () => {
    write({ state: "intent" });
    const journal = { ...setup.context.node.journal, read: () => ({ corrupt: "torn" }) };
    const rules = saved("mangle", "-A PREROUTING -j MARK --set-xmark 0x20/0xff");
    const node = { ...setup.context.node, journal };
    expect((await look("foreign rules", rules)).findings).toEqual([]);
    expect((await look("foreign rules", { ...rules, node: () => node })).findings).toEqual([]);
    write();
    expect((await look("foreign rules", rules)).findings).toHaveLength(1);
  });

  test("a firewall that cannot be read leaves the category unknown, and says why", async () => {
    const unread = async () => ({ rules: [], unseen: ["the lock is held"] });
    const [check] = checksOf({ foreign: unread }).filter(({ name }) => name === "foreign rules");
    expect(await runChecks(check === undefined ? [] : [check])).toMatchObject([
      { state: "unknown", blind: [{ check: "foreign rules", why: "the lock is held" }] },
    ]);
  });
});

describe("annotations", () => {
  const seen = (annotations: Readonly<Record<string, string>> | undefined, uid = "u-1") =>
    ({ namespace: "team-a", name: "web-0", uid, mirror: false, annotations }) as const;
  const api =
    (pods: ApiLook["pods"], namespaces: ApiLook["namespaces"] = new Map()) =>
    async (): Promise<ApiLook> => ({ server: "https://api", pods, namespaces });
  const POD = { namespace: "team-a", name: "web-0", uid: "u-1" };

  test("without a kubeconfig there is nothing to compare with", async () => {
    write({ pod: POD });
    conf = confWith({ kubeconfig: undefined });
    expect(await look("annotations")).toEqual({ findings: [], skipped: "" });
  });

  test("an answer that is a refusal is why the check could not look", async () => {
    const pods = { refusal: { kind: "forbidden", message: "pods may not be listed" } } as const;
    await expect(look("annotations", { api: api(pods) })).rejects.toThrow("pods may not be listed");
  });

  test.each([
    [
      "apply",
      { kind: "annotation-changed", code: "TR0614", severity: "failed" },
      "team-a/web-0 has tenant a, and its annotation of today asks for tenant b",
      "without an agent a change does not reach a running pod",
      "wrapper repair --apply",
    ],
    [
      "ignore",
      { kind: "annotation-ignored", code: "TR0613", severity: "warning" },
      'team-a/web-0 has tenant a, its annotation of today asks for tenant b, and "onAnnotationChange" is "ignore"',
      "it keeps the mark that it started with until it is made again",
      "kubectl -n team-a delete pod web-0",
    ],
  ] as const)("another tenant, with %s", async (change, what, ...texts) => {
    const [fault, consequence, remedy] = texts;
    conf = confWith({ tenants: TENANTS, onAnnotationChange: change });
    write({ pod: POD, tenant: "a" });
    const looked = await look("annotations", { api: api({ value: [seen({ [FWMARK]: "b" })] }) });
    const subject = "team-a/web-0";
    expect(looked.findings).toEqual([
      { ...what, category: "pods", fault, consequence, remedy, subject },
    ]);
  });

  test("one that would be refused today", async () => {
    write({ pod: POD, tenant: "a" });
    const looked = await look("annotations", { api: api({ value: [seen({ [FWMARK]: "zz" })] }) });
    expect(looked.findings).toEqual([
      {
        ...{ kind: "annotation-refused", code: "TR0615", category: "pods", severity: "warning" },
        fault: expect.stringMatching(/^team-a\/web-0: its annotation of today is refused: .*zz/),
        consequence: "the pod keeps its mark; made again, it would not start",
        remedy: "Correct the annotation of team-a/web-0, or of its namespace",
        subject: "team-a/web-0",
      },
    ]);
  });

  test("the namespace's annotation counts where the pod has none and it could be read", async () => {
    write({ pod: POD, tenant: "a" });
    const pods = { value: [seen({})] };
    const faults = async (namespaces: ApiLook["namespaces"]) =>
      (await look("annotations", { api: api(pods, namespaces) })).findings.map(
        ({ fault }) => fault,
      );
    expect(await faults(new Map([["team-a", { value: { [FWMARK]: "b" } }]]))).toEqual([
      "team-a/web-0 has tenant a, and its annotation of today asks for tenant b",
    ]);
    const refusal = { kind: "forbidden", message: "no" } as const;
    expect(await faults(new Map([["team-a", { refusal }]]))).toEqual([]);
    expect(await faults(new Map())).toEqual([]);
  });

  test("a pod as on record, another pod of its name, and one that is not known stay", async () => {
    write({ pod: POD, tenant: "a" });
    for (const value of [
      [seen({ [FWMARK]: "a" })],
      [seen({ [FWMARK]: "b" }, "u-2")],
      [seen(undefined)],
      [],
    ])
      expect((await look("annotations", { api: api({ value }) })).findings).toEqual([]);
  });
});

test("pools: a pod whose address its tenant's pool no longer has", async () => {
  conf = confWith({ tenants: [tenantWith({ name: "a", pool: ["10.66.0.0/24"] })] });
  write({ delegate: { type: "ptp" }, tenant: "a" });
  const { findings } = await look("pools");
  expect(findings.map(({ code }) => code)).toEqual(["TR0617"]);
});
