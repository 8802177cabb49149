/** The printed scripts, tried in the shells themselves. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROGRAM, runCommandLine } from "../../helpers/command-line";

const isThere = (shell: string): boolean => spawnSync(shell, ["--version"]).status === 0;
const describeWith = (shell: string) => (isThere(shell) ? describe : describe.skip);

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "completion-"));
  for (const shell of ["bash", "zsh", "fish"])
    writeFileSync(join(dir, shell), (await runCommandLine("completion", shell)).out);
  writeFileSync(join(dir, "some.conflist"), "");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What a shell prints for these arguments; its own start-up files are left out. */
function run(shell: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(shell, args, {
    cwd: dir,
    encoding: "utf8",
    timeout: 20_000,
  });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

const ACTIONS = ["apply", "plan", "remove", "router-config", "show", "watch"];
const COMMANDS = PROGRAM.commands.map(({ name }) => name);

/** A command line up to the key, and the last words that there may be, sorted. */
const CASES: readonly (readonly [string, readonly string[]])[] = [
  ["wrapper ", [...COMMANDS].sort()],
  ["wrapper che", ["check"]],
  ["tenant-routing-wrapper che", ["check"]],
  ["wrapper routes ", ACTIONS],
  ["wrapper routes --conf plan --form", ["--format"]],
  ["wrapper routes plan --f", []],
  ["wrapper routes apply --f", ["--force"]],
  ["wrapper routes router-config --format ", ["frr", "nftables", "routeros"]],
  ["wrapper check -o ", ["json", "table"]],
  ["wrapper check --conf so", ["some.conflist"]],
  [
    "wrapper lab ",
    [
      ...["agent", "all", "bare-bridge", "external-ipam", "gateway-pod"],
      ...["source-pool", "tenants", "vpn"],
    ],
  ],
  ["wrapper completion ", ["bash", "fish", "zsh"]],
  ["wrapper help sel", ["selftest"]],
];

describe("bash", () => {
  const complete = (...words: readonly string[]): readonly string[] => {
    const set = `. ./bash; set -u; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _wrapper; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run("bash", "--norc", "-c", set, "bash", ...words)
      .split("\n")
      .filter((word) => word !== "")
      .sort();
  };
  test("takes the script", () => {
    run("bash", "-n", "bash");
    expect(run("bash", "-c", ". ./bash; complete -p wrapper tenant-routing-wrapper")).toBe(
      "complete -F _wrapper wrapper\ncomplete -F _wrapper tenant-routing-wrapper\n",
    );
  });
  test.each(CASES)("%j", (line, words) => {
    expect(complete(...line.split(" "))).toEqual(words);
  });
  // Readline splits at the sign.
  test.each(["j", ""])('"--output=%s"', (start) => {
    const words = ["wrapper", "check", "--output", "=", ...(start === "" ? [] : [start])];
    expect(complete(...words)).toEqual(start === "" ? ["json", "table"] : ["json"]);
  });
});

describeWith("fish")("fish", () => {
  const complete = (line: string): readonly string[] =>
    run("fish", "--no-config", "-c", 'source fish; complete -C "$argv"', "--", line)
      .split("\n")
      .map((row) => row.split("\t")[0] ?? "")
      .filter((word) => word !== "")
      .sort();
  test("takes the script", () => {
    run("fish", "--no-execute", "fish");
  });
  test.each(CASES)("%j", (line, words) => {
    expect(complete(line)).toEqual(words);
  });
  test('"--output=j"', () => {
    expect(complete("wrapper check --output=j")).toEqual(["--output=json"]);
  });
});

describeWith("zsh")("zsh", () => {
  /** Types lines with a tab at their end into a shell on a terminal; what it then calls, line by line. */
  const typed = (...lines: readonly string[]): readonly string[] => {
    const program = `
      zmodload zsh/zpty
      zpty z zsh -f -i
      zpty -w z "PS1=; autoload -Uz compinit; compinit -D -u; source ./zsh"
      zpty -w z "wrapper() { print -r -- \\"<\\$*>\\" }"
      for line in "$@"; do zpty -w -n z "$line"$'\\t\\n'; done
      zpty -w z 'print -r -- "<e"nd">"'
      zpty -r z out '*<end>*'
      print -r -- $out`;
    return [...run("zsh", "-f", "-c", program, "zsh", ...lines).matchAll(/^<(.*)>\r?$/gm)].map(
      ([, line]) => line ?? "",
    );
  };
  test("takes the script", () => {
    run("zsh", "-f", "-n", "zsh");
  });
  test("completes what is clear", () => {
    const clear = CASES.filter(([line, words]) => words.length === 1 && line.startsWith("wrapper"));
    const expected = clear.map(([line, [word = ""]]) => line.replace(/[^ ]*$/, word).slice(8));
    expect(clear.length).toBeGreaterThan(4);
    expect(typed(...clear.map(([line]) => line), "wrapper check --output=j")).toEqual([
      ...expected,
      "check --output=json",
      "end",
    ]);
  });
});

test("another shell is refused", async () => {
  expect(await runCommandLine("completion", "tcsh")).toEqual({
    status: 2,
    out: "",
    err: 'wrapper completion: unknown shell "tcsh": use bash, zsh, fish\n',
  });
});
