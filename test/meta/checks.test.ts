/** The kinds of findings in the code and on the pages are the same. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kind } from "../../lib/checks/finding";
import { KINDS } from "../../lib/checks/kinds";
import { COLLISIONS, FINDINGS } from "../../lib/routes/conflicts/kinds";

const PAGE = readFileSync(join(__dirname, "../../docs/node-routes.md"), "utf8");

/** The rows of the table below a heading, in their order: kind and code. */
function rowsUnder(heading: string): readonly (readonly [kind: string, code: string])[] {
  const [, section = ""] = PAGE.split(`\n## ${heading}\n`);
  const [text = ""] = section.split("\n## ");
  return text
    .split("\n")
    .filter((line) => line.startsWith("| TR"))
    .flatMap((line) => {
      const [, codes = "", kinds = ""] = line.split("|");
      const code = codes.split(",").map((each) => each.trim());
      return [...kinds.matchAll(/`([^`]+)`/g)].map(
        ([, kind = ""], i) => [kind, code[i] ?? ""] as const,
      );
    });
}

function rowsOf(table: Readonly<Record<string, { readonly code: string }>>): unknown {
  return Object.entries(table).map(([kind, { code }]) => [kind, code]);
}

test("the page has a row for every kind of collision, with its code", () => {
  expect(rowsUnder("Collisions")).toEqual(rowsOf(COLLISIONS));
});

test("the page has a row for every kind of finding, with its code, problems first", () => {
  expect(rowsUnder("Findings")).toEqual(rowsOf(FINDINGS));
  const severities = Object.values(FINDINGS).map(({ severity }) => severity);
  expect(severities).toEqual([...severities].sort());
  const problems = Object.values(FINDINGS)
    .filter(({ severity }) => severity === "problem")
    .map(({ code }) => code);
  // In a row from the first on, apart from those that came later.
  const later = problems.filter((code, i) => code !== `TR0${101 + i}`);
  const [first, last] = [problems[0], problems.at(-1 - later.length)];
  expect(PAGE).toContain(
    `${[`${first} to ${last}`, ...later].join(" and ")} are problems (exit status 1)`,
  );
});

describe("docs/checks.md", () => {
  const page = readFileSync(join(__dirname, "../../docs/checks.md"), "utf8");
  const sections = page.split(/^### /m).slice(1);
  const of = (code: string): string =>
    sections.find((text) => text.startsWith(`${code}\n`))?.split(/^## /m)[0] ?? "";
  const kinds = Object.values(KINDS).flatMap((area) => Object.values<Kind<never>>(area));
  const own = Object.entries({ ...FINDINGS, ...COLLISIONS });

  test("has a section for every code, each once, in order within its area", () => {
    const codes = sections.map((text) => text.split("\n")[0] ?? "");
    expect([...codes].sort()).toEqual(
      [...kinds.map(({ code }) => code), ...own.map(([, { code }]) => code)].sort(),
    );
    for (const area of new Set(codes.map((code) => code.slice(0, 4))))
      expect(codes.filter((code) => code.startsWith(area))).toEqual(
        codes.filter((code) => code.startsWith(area)).sort(),
      );
  });

  test.each(kinds.map((kind) => [kind.code, kind] as const))(
    "%s has its title, severity and category, why, and a remedy",
    (code, { title, severity, category }) => {
      expect(of(code).replace(/\s+/g, " ")).toMatch(
        `${code} ${title}. \`${severity}\`, ${category}. - Why: `,
      );
      expect(of(code)).toMatch(/^- Why: .{10}/m);
      expect(of(code)).toMatch(/^- Remedy: .{4}/m);
    },
  );

  test.each(own)("the routes' own %s is named", (kind, { code }) => {
    expect(of(code)).toMatch(`\n\`${kind}\`: `);
    expect(of(code)).toMatch(/^- Why: [^]*^- Remedy: /m);
  });

  test("no kind has the name or the code of another, and each is in an area of its own", () => {
    const names = Object.values(KINDS).flatMap((area) => Object.keys(area));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(kinds.map(({ code }) => code)).size).toBe(kinds.length);
  });
});
