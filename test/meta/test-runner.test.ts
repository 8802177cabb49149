/** How tests are run: the commands of CONTRIBUTING.md, and what the reporter says. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(__dirname, "../..");
const PAGE = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
const SCRIPTS = (
  JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  }
).scripts;

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** With nothing of npm's in PATH, as in a shell on a machine whose own Node, if there is one, is too old. */
function run(program: string, ...args: readonly string[]): Ran {
  return spawnSync(join(ROOT, program), args, {
    cwd: ROOT,
    encoding: "utf8",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", CI: "" },
  });
}

const commands = [...PAGE.matchAll(/^```sh\n([^]*?)^```$/gm)]
  .flatMap(([, body = ""]) => body.trim().split("\n"))
  .map((line) => line.replace(/ +#.*/, ""));

test.each(commands)(
  "the command of the page begins with something that is there: %s",
  (command) => {
    const [program = "", name = ""] = command.replace(/^sudo /, "").split(" ");
    const script =
      name === "run"
        ? (command.split(" ").find((word) => Object.hasOwn(SCRIPTS, word)) ?? "")
        : name;
    if (program === "npm") expect(Object.keys(SCRIPTS)).toContain(script);
    else
      expect([program, program.startsWith("./") && existsSync(join(ROOT, program))]).toEqual([
        program,
        true,
      ]);
  },
);

test("what the page runs without root: the projects that it names, and one file of them", () => {
  const line =
    commands.find(
      (command) => command.startsWith("npm test -- --selectProjects") && command.includes("/"),
    ) ?? "";
  const { status, stdout, stderr } = run(
    "scripts/node.sh",
    "scripts/run-tests.mjs",
    ...line.replace("npm test -- ", "").split(" "),
  );
  expect(stderr).toMatch(
    /^tests: unit: what test\/unit\/lib\/net\/mark\.test\.ts selects \(of all of them, about 1 minute as a rule /m,
  );
  expect(stderr).toMatch(
    /^ok {3}unit {5}test\/unit\/lib\/net\/mark\.test\.ts: \d+ passed, \d+\.\d s \(1 of 1\)$/m,
  );
  expect(stderr).not.toContain("NOT RUN");
  expect(stdout).toMatch(
    /\ntests: \d+ passed, 0 failed, 0 skipped\n$|^tests: \d+ passed, 0 failed, 0 skipped\n$/,
  );
  expect(status).toBe(0);
});

test("a project that is none is refused", () => {
  expect(
    run("scripts/node.sh", "scripts/run-tests.mjs", "--selectProjects", "units"),
  ).toMatchObject({
    status: 2,
    stderr: "--selectProjects: name some of unit, meta, contract, node, load\n",
  });
});

test("the reporter: a line for each file, what failed in full, jest's summary at the end", () => {
  const dir = mkdtempSync(join(tmpdir(), "reporter-"));
  try {
    writeFileSync(join(dir, "package.json"), "{}");
    writeFileSync(join(dir, "good.test.js"), 'test("one", () => {}); test.skip("two", () => {});');
    writeFileSync(join(dir, "bad.test.js"), 'test("sum", () => { expect(1 + 1).toBe(3); });');
    writeFileSync(join(dir, "broken.test.js"), "require('./not-there');");
    const reporters = [
      "--reporters",
      join(ROOT, "scripts/jest-reporter.mjs"),
      "--reporters",
      "summary",
    ];
    const { status, stderr } = run(
      "scripts/node.sh",
      "node_modules/jest/bin/jest.js",
      "--rootDir",
      dir,
      "--config",
      "{}",
      ...reporters,
    );
    expect(stderr).toMatch(/^3 test files$/m);
    expect(stderr).toMatch(
      /^ok {3}\s+good\.test\.js: 1 passed, 1 skipped, \d+\.\d s \(\d of 3\)$/m,
    );
    expect(stderr).toMatch(
      /^FAIL \s+bad\.test\.js: 0 passed, 1 failed, [^]*● sum[^]*Expected: 3\s+Received: 2[^]*bad\.test\.js:1:\d+/m,
    );
    expect(stderr).toMatch(/^FAIL \s+broken\.test\.js: [^]*Cannot find module '\.\/not-there'/m);
    expect(stderr).toMatch(/^Test Suites: 2 failed, 1 passed, 3 total$/m);
    expect(status).toBe(1);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
