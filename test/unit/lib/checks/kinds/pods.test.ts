/** The sentences of what can be wrong with the marks of pods. */
import { findingOf } from "../../../../../lib/checks/finding";
import { PODS } from "../../../../../lib/checks/kinds/pods";

const POD = "team-a/web-0";

describe("a foreign mark", () => {
  const MARK = { value: 0x20, mask: 0xff };
  const found = (pods: readonly string[], part: { mark?: typeof MARK; tenant?: string } = {}) => {
    const facts = {
      pods,
      rule: "-j MARK",
      where: "iptables",
      removal: "iptables -D",
      mark: part.mark,
    };
    return findingOf(PODS, "foreign-mark", { ...facts, tenant: part.tenant });
  };

  test.each([
    [{}, "they go by another gateway than the tenant's, perhaps"],
    [{ mark: MARK }, "they go with mark 0x20/0xff"],
    [{ mark: MARK, tenant: "b" }, "they go with mark 0x20/0xff, as tenant b"],
    [{ tenant: "b" }, "they go as tenant b"],
  ])("what follows for several pods from %j", (part, consequence) => {
    expect(found([POD, "x/y"], part)).toMatchObject({ code: "TR0611", consequence });
  });

  test.each([
    [[POD], POD, "it goes"],
    [[POD, "x/y"], `${POD} and 1 more`, "they go"],
    [[POD, "x/y", "z/z"], `${POD} and 2 more`, "they go"],
  ])("pods are named: %j", (pods, named, go) => {
    const { fault, consequence, remedy } = found(pods, { tenant: "b" });
    expect(fault).toBe(`the foreign rule "-j MARK" (iptables) marks packets of pod ${named}`);
    expect(consequence).toBe(`${go} as tenant b`);
    expect(remedy).toBe("iptables -D");
  });
});

test("untracked connections of several pods", () => {
  const facts = { pods: [POD, "x/y"], rule: "-j NOTRACK", removal: "iptables -D" };
  expect(findingOf(PODS, "untracked-pod", facts)).toMatchObject({
    code: "TR0612",
    fault: `the rule "-j NOTRACK" in raw keeps connections of pod ${POD} and 1 more from being tracked`,
    remedy: "iptables -D",
  });
});

describe("marks without a record", () => {
  const stray = { pod: POD, addresses: ["10.0.0.5", "fd00::5"], isOurs: true, inUse: false };

  test("several addresses are named in the plural", () => {
    expect(findingOf(PODS, "mark-without-record", stray).fault).toBe(
      `10.0.0.5, fd00::5 are marked for ${POD}, which has no record in the journal`,
    );
  });

  test.each([true, false])("another network's are left to it, in use: %s", (inUse) => {
    expect(
      findingOf(PODS, "mark-without-record", { ...stray, isOurs: false, inUse }),
    ).toMatchObject({
      code: "TR0606",
      fault: expect.stringMatching(/which has no record in this conflist's journal$/),
      consequence: "they stay until their own network's DEL",
      remedy: "wrapper drift --conf FILE, with the conflist of the other network",
    });
  });
});

test.each([
  ["team-a/web-0", "kubectl -n team-a delete pod web-0"],
  ["team-a/web-0 (0123-4567)", "kubectl -n team-a delete pod web-0"],
  ["it's/web 0", "kubectl -n 'it'\\''s' delete pod web"],
  ["container 0123456789abc", "Recreate the pod of container 0123456789abc"],
])("how %s is made again", (pod, remedy) => {
  expect(findingOf(PODS, "address-taken", { pod, why: "taken" })).toMatchObject({
    ...{ code: "TR0616", severity: "failed", fault: `${pod}: taken`, remedy },
    consequence: "the marks belong to one of the two, and the other takes its gateway",
  });
});

test("a DEL that is owed is repaired only where the sandbox is certainly gone", () => {
  const remedy = (isGone: boolean): string =>
    findingOf(PODS, "del-owed", { pod: POD, why: "it failed", isGone }).remedy;
  expect(remedy(true)).toBe("wrapper repair --apply");
  expect(remedy(false)).toBe(`wrapper check ${POD}`);
});

test("a mark in another variant than on record, and one of another attachment", () => {
  const facts = { pod: POD, recorded: "nft", found: "legacy" };
  expect(findingOf(PODS, "mark-elsewhere", facts, POD)).toEqual({
    ...{ kind: "mark-elsewhere", code: "TR0610", category: "pods", severity: "warning" },
    fault: `${POD}: its mark is in legacy, and its record says nft`,
    consequence: "it works, but its DEL looks in the other place and leaves it behind",
    remedy: "wrapper repair --apply",
    subject: POD,
  });
  expect(findingOf(PODS, "mark-of-another", { pod: POD, drift: "rule of x" }, POD)).toEqual({
    ...{ kind: "mark-of-another", code: "TR0605", category: "pods", severity: "failed" },
    fault: `${POD}: rule of x`,
    consequence: "its packets leave by another way than its tenant's",
    remedy: "wrapper repair --apply",
    subject: POD,
  });
});
