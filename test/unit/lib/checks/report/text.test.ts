/** The report for people. */
import type { Finding } from "../../../../../lib/checks/finding";
import { statusText } from "../../../../../lib/checks/report/text";
import type { Verdict } from "../../../../../lib/checks/run";

const FOUND: Finding = {
  ...{ kind: "k", code: "TR0601", category: "pods", severity: "failed", subject: "a/b" },
  ...{ fault: "a/b: it is missing", consequence: "packets go astray", remedy: "wrapper x --apply" },
};
const plain = (_style: unknown, text: string): string => text;
const verdict = (findings: readonly Finding[], change: Partial<Verdict> = {}): Verdict => ({
  ...{ category: "pods", state: "failed", findings, summaries: ["3 pods"], blind: [] },
  ...change,
});
const lines = (...verdicts: readonly Verdict[]): readonly string[] =>
  statusText(verdicts, plain).split("\n");

test("a finding is its code and fault, what follows, and the command; then the categories", () => {
  expect(lines(verdict([FOUND]))).toEqual([
    "FAILED  TR0601 a/b: it is missing",
    "        packets go astray",
    "        fix: wrapper x --apply",
    "",
    "FAILED   pods        1 finding (TR0601); 3 pods",
    "",
  ]);
});

test("alike findings are one, with the first others named", () => {
  const pods = ["a/1", "a/2", "a/3", "a/4", "a/5", "a/6"];
  const text = lines(verdict(pods.map((subject) => ({ ...FOUND, subject }))));
  expect(text[1]).toBe("        and 5 more like it: a/2, a/3, a/4, a/5, ...");
  expect(text.filter((line) => line.includes("fix:"))).toHaveLength(1);
});

test("the worst comes first, and one screen is enough for any number", () => {
  const many = Array.from({ length: 60 }, (_, i) => ({
    ...FOUND,
    severity: i === 59 ? ("failed" as const) : ("warning" as const),
    code: `TR06${String(i).padStart(2, "0")}`,
  }));
  const text = lines(verdict(many));
  expect(text[0]).toContain("FAILED  TR0659");
  expect(text.join("\n")).toMatch(/and TR0607, TR0608,[^:]*: see -o json/);
  expect(text.length).toBeLessThan(60);
});

test("no line is longer than 100 columns, and a command stays one that can be pasted", () => {
  const words = Array.from({ length: 40 }, (_, i) => `word${i}`).join(" ");
  const quoted = `iptables -m comment --comment 'two words that belong together' ${words} -j "a b"`;
  const text = lines(
    verdict([{ ...FOUND, fault: words, consequence: words, remedy: quoted }], {
      summaries: [words],
      blind: [{ check: "one", why: words }],
    }),
  );
  for (const line of text) expect(line.length).toBeLessThanOrEqual(100);
  const command = text
    .slice(text.findIndex((line) => line.includes("fix:")))
    .join("\n")
    .split("\n\n")[0];
  expect(command?.replace(/ \\\n +/g, " ").trim()).toBe(`fix: ${quoted}`);
});

test("a sentence is no command, and a line break in it is none", () => {
  const long = `Correct ${"it ".repeat(60)}`.trim();
  const text = lines(verdict([{ ...FOUND, fault: "one\ntwo", remedy: long }]));
  expect(text[0]).toBe("FAILED  TR0601 one two");
  expect(text.some((line) => line.endsWith("\\"))).toBe(false);
});

test("what could not be looked at is said, once for each reason", () => {
  const blind = ["a", "b"].map((check) => ({ check, why: "EACCES" }));
  expect(lines(verdict([], { state: "unknown", summaries: [], blind }))).toEqual([
    "?        pods        could not look at a, b: EACCES",
    "",
  ]);
});

test("each piece is painted by what it says", () => {
  const painted = statusText(
    [verdict([FOUND]), verdict([], { state: "ok" })],
    (style, text) => `<${style}>${text}</>`,
  );
  expect(painted).toContain("<failed>FAILED  </>TR0601");
  expect(painted).toContain("<bold>        fix:");
  expect(painted).toContain("<ok>ok      </>");
});
