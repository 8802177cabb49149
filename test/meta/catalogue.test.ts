/** test/CATALOGUE.md against the tests: what it names exists, and no contract test is missing in it. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const TESTS = join(__dirname, "..");
const PAGE = readFileSync(join(__dirname, "../CATALOGUE.md"), "utf8");
const named = [...PAGE.matchAll(/`((?:contract|node|meta)\/[\w./-]+)`/g)].map(
  ([, file = ""]) => file,
);
const contract = readdirSync(join(TESTS, "contract")).map((name) => `contract/${name}`);

test("every file that the catalogue names exists", () => {
  expect(named.filter((file) => !existsSync(join(TESTS, file)))).toEqual([]);
});

test("every contract test is named in the catalogue, once", () => {
  const ours = named.filter((file) => file.startsWith("contract/"));
  expect([...ours].sort()).toEqual([...contract].sort());
});

test("no title begins with a letter and a number of a catalogue that is elsewhere", () => {
  const titles = contract.flatMap((file) =>
    [...readFileSync(join(TESTS, file), "utf8").matchAll(/["'`]([A-J]\d{1,2} [^"'`]*)/g)].map(
      ([, title]) => `${file}: ${title}`,
    ),
  );
  expect(titles).toEqual([]);
});

test("every row has a behaviour and its tests", () => {
  const rows = PAGE.split("\n").filter((line) => /^\| (?!---|Behaviour)/.test(line));
  expect(rows.length).toBeGreaterThan(30);
  for (const row of rows) expect(row).toMatch(/^\| \S[^|]+ \| `[^|]+` \|$/);
});
