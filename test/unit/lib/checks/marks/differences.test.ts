/** What differs from what should be, as the agent's plan has it, as findings. */
import type { PluginConf } from "../../../../../conf/types";
import { differences, type MarksSeen } from "../../../../../lib/checks/marks/differences";
import type { Attachment } from "../../../../../lib/attachment/journal";
import { attachmentTag } from "../../../../../lib/marks/tag";
import { planOf, type Plan, type Rewriting } from "../../../../../lib/reconcile/plan";
import type { InstalledMark } from "../../../../../lib/ports";
import { confWith } from "../../../../helpers/conf-object";
import { FakeMarks, record } from "../../../../helpers/context";

const FWMARK = "tenant.routing/fwmark";
/** In place of an annotation: the pod has none. */
const NONE = "none";
const A = { value: 0x10, mask: 0xff };

function attachment(name: string, part: Partial<Attachment> = {}): Attachment {
  const key = { network: "net", containerId: name, ifname: "eth0" };
  return record({ key, pod: { namespace: "team-a", name, uid: "u" }, mark: A, ...part });
}

const seenRecord = (one: Attachment) => ({ tag: attachmentTag(one.key), attachment: one });

/** What the agent would do: annotations of pods by their names; those without one are not known. */
async function plan(
  records: readonly Attachment[],
  annotations: Readonly<Record<string, string>> = {},
  marked: readonly Attachment[] = records,
): Promise<Plan> {
  const marks = new FakeMarks();
  for (const { key, addresses, mark = A, pod } of marked) {
    const label = `${pod?.namespace}/${pod?.name}`;
    await marks.install({ key, label, mark, addresses, markReplies: false });
  }
  return planned(records, marks.installed, annotations);
}

function planned(
  records: readonly Attachment[],
  installed: readonly InstalledMark[],
  annotations: Readonly<Record<string, string>> = {},
): Plan {
  const complete = records.map(seenRecord);
  const tags = new Set(complete.map(({ tag }) => tag));
  const layers = [{ name: "marks" as const, backend: new FakeMarks(), installed }];
  return planOf(
    confWith(),
    { tags, complete, layers },
    {
      pod: (_, name) => {
        const value = annotations[name];
        if (value === undefined) return undefined;
        return { uid: "u", annotations: value === NONE ? {} : { [FWMARK]: value } };
      },
      namespace: () => ({}),
    },
  );
}

function found(seen: Partial<MarksSeen> & Pick<MarksSeen, "plan">, conf: PluginConf = confWith()) {
  const nothing = {
    ignored: [],
    abandoned: [],
    unfinished: [],
    unusable: [],
    inUse: new Set<string>(),
  };
  return differences(conf, { ...nothing, ...seen });
}

const WEB = attachment("web-0");
const POD = { category: "pods", subject: "team-a/web-0" };

test("nothing differs where the marks are as on record", async () => {
  expect(found({ plan: await plan([WEB], { "web-0": "0x10/0xff" }) })).toEqual([]);
});

test("a mark that is missing, and one that is wrong", async () => {
  expect(found({ plan: await plan([WEB], {}, []) })).toContainEqual({
    ...{ ...POD, kind: "mark-missing", code: "TR0601", severity: "failed" },
    fault: "team-a/web-0: mark rule for 10.0.0.5 is missing",
    consequence: "its packets leave by the node's own default route, not by its tenant's",
    remedy: "wrapper repair --apply",
  });
  const other = attachment("web-0", { mark: { value: 0x20, mask: 0xff } });
  expect(found({ plan: await plan([WEB], {}, [other]) })).toContainEqual({
    ...{ ...POD, kind: "mark-wrong", code: "TR0602", severity: "failed" },
    fault: "team-a/web-0: mark rule for 10.0.0.5 sets 0x20/0xff instead of 0x10/0xff",
    consequence: "its packets leave by another way than its tenant's",
    remedy: "wrapper repair --apply",
  });
});

test("a mark that is there twice, and one that nothing calls for", async () => {
  const marks = new FakeMarks();
  await marks.install({ ...WEB, label: "x", mark: A, markReplies: false });
  const rule = marks.installed.filter(({ piece }) => piece === "mark rule");
  const again = rule.map((each) => ({ ...each }));
  expect(found({ plan: planned([WEB], [...marks.installed, ...again]) })).toEqual([
    {
      ...{ ...POD, kind: "mark-double", code: "TR0603", severity: "failed" },
      fault: "team-a/web-0: mark rule for 10.0.0.5 is there 2 times",
      consequence: "the last one counts, and only one of them is removed with the pod",
      remedy: "wrapper repair --apply",
    },
  ]);
  const more = rule.map((each) => ({ ...each, address: "10.0.0.9", text: "-s 10.0.0.9" }));
  expect(found({ plan: planned([WEB], [...marks.installed, ...more]) })).toEqual([
    {
      ...{ ...POD, kind: "mark-unexpected", code: "TR0604", severity: "failed" },
      fault: "team-a/web-0: unexpected rule for 10.0.0.9: -s 10.0.0.9",
      consequence: "its packets leave by another way than its tenant's",
      remedy: "wrapper repair --apply",
    },
  ]);
});

test.each([
  ["0x20/0xff", "mark 0x20/0xff"],
  [NONE, "no mark"],
])(
  "an annotation %j is the one finding of its pod, whatever its marks are",
  async (value, want) => {
    expect(found({ plan: await plan([WEB], { "web-0": value }, []) })).toEqual([
      {
        ...{ ...POD, kind: "annotation-changed", code: "TR0614", severity: "failed" },
        fault: `team-a/web-0 has mark 0x10/0xff, and its annotation of today asks for ${want}`,
        consequence: "without an agent a change does not reach a running pod",
        remedy: "wrapper repair --apply",
      },
    ]);
  },
);

test("a change that is ignored is a warning", async () => {
  const next = attachment("web-0", { tenant: "b" });
  const ignored: Rewriting = { ...seenRecord(WEB), next, left: undefined };
  expect(found({ plan: await plan([WEB]), ignored: [ignored] })).toEqual([
    {
      ...{ ...POD, kind: "annotation-ignored", code: "TR0613", severity: "warning" },
      fault:
        'team-a/web-0 has mark 0x10/0xff, its annotation of today asks for tenant b, and "onAnnotationChange" is "ignore"',
      consequence: "it keeps the mark that it started with until it is made again",
      remedy: "kubectl -n team-a delete pod web-0",
    },
  ]);
});

test("an annotation that is refused", async () => {
  expect(found({ plan: await plan([WEB], { "web-0": "zz" }) })).toEqual([
    {
      ...{ ...POD, kind: "annotation-refused", code: "TR0615", severity: "warning" },
      fault: expect.stringMatching(/^team-a\/web-0: its annotation of today is refused: .*zz/),
      consequence: "the pod keeps its mark; made again, it would not start",
      remedy: "Correct the annotation of team-a/web-0, or of its namespace",
    },
  ]);
});

test("two pods with one address: the older one's marks are not put back", async () => {
  const young = attachment("web-1", { since: "2026-01-02T00:00:00.000Z" });
  const [taken, ...more] = found({ plan: await plan([WEB, young], {}, [young]) });
  expect(more).toEqual([]);
  expect(taken).toEqual({
    ...{ ...POD, kind: "address-taken", code: "TR0616", severity: "failed" },
    fault: expect.stringMatching(
      /^team-a\/web-0: rule of another attachment \(team-a\/web-1 \S+\) on 10\.0\.0\.5/,
    ),
    consequence: "the marks belong to one of the two, and the other takes its gateway",
    remedy: "kubectl -n team-a delete pod web-0",
  });
});

test.each([
  ["net", "the journal", "wrapper repair --apply --unclaimed"],
  [
    "another",
    "this conflist's journal",
    "wrapper drift --conf FILE, with the conflist of the other network",
  ],
])("marks without a record, under the conflist of the network %s", async (name, where, remedy) => {
  const [stray, ...more] = found({ plan: await plan([], {}, [WEB]) }, confWith({ name }));
  expect(more).toEqual([]);
  expect(stray).toMatchObject({
    ...{ ...POD, kind: "mark-without-record", code: "TR0606", severity: "warning", remedy },
    fault: `10.0.0.5 is marked for team-a/web-0 (${attachmentTag(WEB.key)}), which has no record in ${where}`,
  });
});

test("a pod whose DEL is owed has no other finding", async () => {
  const ignored: Rewriting = { ...seenRecord(WEB), next: WEB, left: undefined };
  const owed = {
    ...{ ...POD, kind: "del-owed", code: "TR0608", severity: "failed" },
    fault: "team-a/web-0: its sandbox is gone, and its DEL is owed",
    consequence: "its rules and its address stay until the runtime repeats it",
    remedy: "wrapper repair --apply",
  };
  const abandoned = [seenRecord(WEB)];
  expect(found({ plan: await plan([WEB], {}, []), abandoned, ignored: [ignored] })).toEqual([owed]);
  expect(found({ plan: await plan([WEB], { "web-0": "0x20" }), abandoned })).toEqual([owed]);
});

test("verbs that did not finish, and records that cannot be used, sorted by subject", async () => {
  const unfinished = [
    attachment("web-2", { state: "deleting" }),
    attachment("web-1", { state: "intent" }),
  ];
  const unusable = [{ file: "/run/tr/it's.json", why: "torn" }];
  expect(found({ plan: await plan([]), unfinished, unusable })).toEqual([
    {
      ...{ kind: "record-unusable", code: "TR0609", category: "pods", severity: "failed" },
      fault: "/run/tr/it's.json: torn",
      consequence: "the pod goes on; its DEL finds its marks by their tag",
      remedy: "rm '/run/tr/it'\\''s.json'",
      subject: "/run/tr/it's.json",
    },
    {
      ...{ kind: "add-unfinished", code: "TR0607", category: "pods", severity: "failed" },
      fault: "team-a/web-1: its ADD did not finish, and the process has ended",
      consequence: "its address stays taken until its DEL comes; the runtime sends one",
      remedy: "wrapper check team-a/web-1",
      subject: "team-a/web-1",
    },
    {
      ...{ kind: "del-owed", code: "TR0608", category: "pods", severity: "failed" },
      fault: "team-a/web-2: its DEL did not finish, and its DEL is owed",
      consequence: "its rules and its address stay until the runtime repeats it",
      remedy: "wrapper check team-a/web-2",
      subject: "team-a/web-2",
    },
  ]);
});

test("a problem of which nothing more is known is an error with its text", async () => {
  const problem = { topic: "x", text: "the guard cannot be read", mayPass: false };
  const broken = { ...(await plan([])), problems: [problem] };
  expect(() => found({ plan: broken })).toThrow("the guard cannot be read");
});

test("marks in another place than on record are to be moved", async () => {
  const web = attachment("web-0", { backend: "nft" });
  const marks = new FakeMarks();
  const { key, addresses } = web;
  await marks.install({ key, label: "team-a/web-0", mark: A, addresses, markReplies: false });
  const there = marks.installed.map((mark) => ({ ...mark, backend: "legacy" }));
  expect(found({ plan: planned([web], there) })).toMatchObject([
    { code: "TR0610", subject: "team-a/web-0", remedy: "wrapper repair --apply" },
  ]);
  const home = marks.installed.map((mark) => ({ ...mark, backend: "nft" }));
  expect(planned([web], home).restores).toEqual([]);
});
