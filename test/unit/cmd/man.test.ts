/** The manual page. */
import { manPage } from "../../../cmd/commands/man";
import { spellings, walk } from "../../../cmd/commands/completion/tree";
import { PROGRAM } from "../../helpers/command-line";

const page = manPage(PROGRAM, "2026-01-02T03:04:05Z");
/** What a reader sees: the requests without their names, the escapes resolved. */
const shown = page
  .replaceAll("\\-", "-")
  .replaceAll("\\&", "")
  .replaceAll(/^\.(SS|B) /gm, "");

test.each(walk(PROGRAM).filter(([names]) => names.length > 0 && names[0] !== "help"))(
  "it has a section on %j with its options, examples and exit statuses",
  (names, { usage, options, examples, statuses }) => {
    const start = shown.indexOf(`\nwrapper ${names.join(" ")} ${usage}\n`);
    expect(start).toBeGreaterThan(0);
    const section = shown.slice(start, shown.indexOf("Exit status:", start) + 200);
    for (const option of options) expect(section).toContain(spellings(option).join(", "));
    for (const { call } of examples) expect(section).toContain(call);
    expect(section).toContain(statuses);
  },
);

test("only requests of man(7) stand at the start of a line with a dot", () => {
  const requests = page.split("\n").flatMap((line) => /^[.'](\w*)/.exec(line)?.[1] ?? []);
  expect(new Set(requests)).toEqual(new Set(["TH", "SH", "B", "SS", "TP", "PP"]));
});

test("no dash becomes a hyphen, which could not be copied", () => {
  const words = page.split("\n").filter((line) => !line.startsWith(".TH"));
  expect(words.filter((line) => /(?<!\\)-/.test(line))).toEqual([]);
});

test("the day of the build is on it, where it is known", () => {
  expect(page).toMatch(/^\.TH WRAPPER 8 "2026-01-02" /);
  expect(manPage(PROGRAM, "unknown")).toMatch(/^\.TH WRAPPER 8 "" /);
});
