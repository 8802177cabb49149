import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPlugin, isPluginType } from "../../../delegates/find";
import { programProblem } from "../../../delegates/program";

const PROGRAM = "#! /bin/sh\n";
let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "find-"));
  for (const dir of ["a", "b", "c"]) mkdirSync(join(base, dir));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));
const dirs = () => ["a", "b", "c"].map((dir) => join(base, dir));

test("the first directory wins; a directory of that name is passed over; a link is followed", () => {
  mkdirSync(join(base, "a", "ptp"));
  writeFileSync(join(base, "c", "ptp"), PROGRAM);
  expect(findPlugin("ptp", dirs())).toBe(join(base, "c", "ptp"));
  symlinkSync(join(base, "c", "ptp"), join(base, "b", "ptp"));
  expect(findPlugin("ptp", dirs())).toBe(join(base, "b", "ptp"));
});

test("a link that leads in a circle is passed over", () => {
  symlinkSync(join(base, "a", "ptp"), join(base, "a", "ptp"));
  writeFileSync(join(base, "b", "ptp"), PROGRAM);
  expect(findPlugin("ptp", dirs())).toBe(join(base, "b", "ptp"));
});

test("a plugin in none of them: code 100 naming it and where it was looked for", () => {
  symlinkSync("/nonexistent", join(base, "a", "ptp"));
  expect(() => findPlugin("ptp", dirs())).toThrow(
    expect.objectContaining({
      code: 100,
      message: expect.stringContaining(
        `"ptp" is in none of the directories of CNI_PATH (${dirs().join(", ")})`,
      ),
    }),
  );
});

test.each<[string, string | Uint8Array]>([
  ["is empty", ""],
  ["is neither an ELF program nor a script", "echo owned\n"],
  ["is neither an ELF program nor a script", "#!\necho owned\n"],
  ["another kind of machine", Buffer.from(`\u007fELF${"\0".repeat(60)}`, "latin1")],
])("a file that %s is refused: the kernel could not start it, /bin/sh would", (says, content) => {
  writeFileSync(join(base, "a", "ptp"), content);
  writeFileSync(join(base, "b", "ptp"), PROGRAM);
  expect(() => findPlugin("ptp", dirs())).toThrow(
    expect.objectContaining({
      code: 100,
      message: expect.stringMatching(new RegExp(`${join(base, "a", "ptp")} .*${says}.*install`)),
    }),
  );
});

test("a file that cannot be read is told with its errno; our own program is one", () => {
  expect(programProblem("/nonexistent")).toBe("cannot be read (ENOENT)");
  expect(programProblem(process.execPath)).toBeUndefined();
});

test.each(["../../bin/sh", "/bin/sh", "a/b", "", ".", "..", "x\0y", "x\ny"])(
  "%j is no plugin type: code 7",
  (type) => {
    expect(isPluginType(type)).toBe(false);
    expect(() => findPlugin(type, ["/bin"])).toThrow(expect.objectContaining({ code: 7 }));
  },
);

test("a file that was a program when it was old is looked at again once it has changed", async () => {
  const path = join(base, "a", "ptp");
  writeFileSync(path, PROGRAM);
  // Until its last change is so long ago that another one would show.
  await new Promise((resolve) => setTimeout(resolve, 150));
  for (const _ of [1, 2]) expect(findPlugin("ptp", dirs())).toBe(path);
  writeFileSync(path, "no program");
  expect(() => findPlugin("ptp", dirs())).toThrow("install the plugin there again");
  rmSync(path);
  expect(() => findPlugin("ptp", dirs())).toThrow("in none of the directories");
});
