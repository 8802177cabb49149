/** The kinds of findings and collisions in the code and on the page of the node routes are the same. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
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
  const problems = Object.values(FINDINGS).filter(({ severity }) => severity === "problem");
  const [first, last] = [problems[0]?.code, problems.at(-1)?.code];
  expect(PAGE).toContain(`${first} to ${last} are problems (exit status 1)`);
});
