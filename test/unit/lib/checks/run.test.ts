/** Several checks as one verdict a category. */
import type { Category, Finding, Severity } from "../../../../lib/checks/finding";
import {
  runChecks,
  statusOf,
  troubleOf,
  worstFirst,
  type Looked,
} from "../../../../lib/checks/run";

function finding(kind: string, category: Category, severity: Severity): Finding {
  return {
    ...{ kind, category, severity, code: "TR1" },
    ...{ fault: "f", consequence: "c", remedy: "r", subject: undefined },
  };
}

const check = (category: Category, look: () => Promise<Looked>, name = "a check") => ({
  ...{ name, category, local: true, look },
});
const finds = (category: Category, severity: Severity, kind: string = severity) =>
  check(category, async () => ({ findings: [finding(kind, category, severity)] }));
const fine = (category: Category) => check(category, async () => ({ findings: [], summary: "s" }));
const blind = (category: Category) =>
  check(category, () => Promise.reject(new Error("no such file")), "disk");
const skipped = (category: Category) =>
  check(category, async () => ({ findings: [], skipped: "-" }));

test.each([
  ["ok", [fine("pods")], 0],
  ["ok", [fine("pods"), skipped("pods")], 0],
  ["skipped", [skipped("pods")], 0],
  ["warning", [fine("pods"), finds("pods", "warning")], 0],
  ["failed", [finds("pods", "failed"), blind("pods")], 1],
  ["warning", [finds("pods", "warning"), blind("pods")], 2],
  ["unknown", [fine("pods"), blind("pods")], 2],
] as const)("%s", async (state, checks, status) => {
  const verdicts = await runChecks(checks);
  expect(verdicts.map((verdict) => verdict.state)).toEqual([state]);
  expect(statusOf(verdicts)).toBe(status);
});

test("a line for what is wrong or could not be looked at, none for a warning", async () => {
  const checks = [blind("node"), finds("pods", "warning"), finds("pods", "failed")];
  expect(troubleOf(await runChecks(checks))).toEqual([
    "TR1 f: r",
    expect.stringMatching(/^could not look at the disk: .*no such file/),
  ]);
});

test("one that cannot look says why, and the others look all the same", async () => {
  const verdicts = await runChecks([blind("node"), fine("node"), fine("pods")]);
  expect(verdicts.map(({ category, blind: why, summaries }) => [category, why, summaries])).toEqual(
    [
      ["node", [{ check: "disk", why: expect.stringContaining("no such file") as string }], ["s"]],
      ["pods", [], ["s"]],
    ],
  );
});

test("the worst comes first, the rest in the order of the checks", async () => {
  const verdicts = await runChecks([
    finds("runtime", "warning", "one"),
    finds("pods", "failed", "two"),
    finds("node", "warning", "three"),
    finds("node", "failed", "four"),
  ]);
  expect(worstFirst(verdicts).map(({ kind }) => kind)).toEqual(["two", "four", "one", "three"]);
});
