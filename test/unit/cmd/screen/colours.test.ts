import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModuleKind, transpile } from "typescript";

// In a process of its own: Node.js looks at the real environment and at the real stdout.
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "colours-"));
  const source = readFileSync(join(__dirname, "../../../../cmd/screen/colours.ts"), "utf8");
  const program = transpile(source, { module: ModuleKind.CommonJS });
  writeFileSync(
    join(dir, "colours.js"),
    `${program}\nprocess.stdout.write(String(exports.hasColours()));`,
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function hasColours(where: "terminal" | "pipe", env: Readonly<Record<string, string>>): boolean {
  const program = [process.execPath, join(dir, "colours.js")];
  // script gives it a terminal of its own.
  const [name = "", ...args] =
    where === "pipe" ? program : ["script", "-qec", program.join(" "), "/dev/null"];
  const { stdout } = spawnSync(name, args, { env: { PATH: process.env["PATH"] ?? "", ...env } });
  return JSON.parse(String(stdout)) as boolean;
}

test.each([
  ["terminal", { TERM: "xterm" }, true],
  ["terminal", { TERM: "xterm", NO_COLOR: "1" }, false],
  ["terminal", { TERM: "xterm", NO_COLOR: "" }, true],
  ["terminal", { TERM: "dumb" }, false],
  ["terminal", { TERM: "xterm", FORCE_COLOR: "0" }, false],
  ["pipe", { TERM: "xterm" }, false],
  ["pipe", { FORCE_COLOR: "1" }, true],
  ["pipe", { FORCE_COLOR: "1", NO_COLOR: "1" }, true],
] as const)("colours on a %s with %j: %s", (where, env, expected) => {
  expect(hasColours(where, env)).toBe(expected);
});
