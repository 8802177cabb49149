/** The step of docs/install.md for the manual page and the completions, done with the packed binary in a directory. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BINARY } from "../helpers/harness";
import { fencesOf, section } from "../helpers/pages";

const PATH = `${dirname(BINARY)}:/usr/sbin:/usr/bin:/sbin:/bin`;
let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "installed-"));
  const [step = ""] = fencesOf(section("docs/install.md", "### Manual page and completions"), "sh");
  const here = step.replaceAll(/(^|[ >])(\/(?:usr|etc)\/)/g, `$1${root}$2`);
  expect(run("sh", "-euc", here)).toEqual([0, "", ""]);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function run(name: string, ...args: readonly string[]): readonly (number | string | null)[] {
  const { status, stdout, stderr } = spawnSync(name, args, { env: { PATH }, encoding: "utf8" });
  return [status, stdout, stderr];
}

const isThere = (name: string): boolean =>
  ["/usr/bin", "/bin"].some((dir) => spawnSync(join(dir, name), ["--version"]).error === undefined);
const testWith = (name: string) => (isThere(name) ? test : test.skip);
const page = (): string => join(root, "usr/local/share/man/man8/wrapper.8");

testWith("mandoc")("mandoc has nothing to say against the manual page", () => {
  expect(run("mandoc", "-T", "lint", "-W", "warning", page())).toEqual([0, "", ""]);
  const [, shown] = run("mandoc", "-T", "ascii", page());
  expect(String(shown).replaceAll(/.\u0008/g, "")).toMatch(/^ +wrapper routes plan \[options\]$/m);
});

test("the page is about this binary", () => {
  expect(readFileSync(page(), "utf8")).toMatch(/^\.TH WRAPPER 8 "\d{4}-\d\d-\d\d" /);
});

test.each([
  ["bash", ["-n"], "etc/bash_completion.d/wrapper"],
  ["zsh", ["-f", "-n"], "usr/local/share/zsh/site-functions/_wrapper"],
  ["fish", ["--no-execute"], "etc/fish/completions/wrapper.fish"],
] as const)(
  "%s has its completions, and takes them where it is installed",
  (shell, words, file) => {
    const script = readFileSync(join(root, file), "utf8");
    expect(script).toContain("router-config");
    if (isThere(shell)) expect(run(shell, ...words, join(root, file))).toEqual([0, "", ""]);
  },
);
