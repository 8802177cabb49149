/** The kinds of findings and collisions in the code and on the page of the node routes are the same. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { COLLISIONS, FINDINGS } from "../../lib/routes/conflicts/kinds";

const PAGE = readFileSync(join(__dirname, "../../docs/node-routes.md"), "utf8");

/** The kinds in the first column of the table below a heading, in their order. */
function kindsUnder(heading: string): readonly string[] {
  const [, section = ""] = PAGE.split(`\n## ${heading}\n`);
  const [text = ""] = section.split("\n## ");
  return text
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)])
    .map(([, kind]) => kind ?? "");
}

test("the page has a row for every kind of collision", () => {
  expect(kindsUnder("Collisions")).toEqual(Object.keys(COLLISIONS));
});

test("the page has a row for every kind of finding, problems first", () => {
  expect(kindsUnder("Findings")).toEqual(Object.keys(FINDINGS));
  const severities = Object.values(FINDINGS).map(({ severity }) => severity);
  expect(severities).toEqual([...severities].sort());
  const last = Object.entries(FINDINGS).findLast(([, { severity }]) => severity === "problem");
  expect(PAGE).toContain(`Those down to \`${last?.[0]}\` are problems (exit status 1)`);
});
