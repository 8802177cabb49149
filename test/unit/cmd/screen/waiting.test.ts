import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModuleKind, transpile } from "typescript";
import { printableIn } from "../../../../cmd/screen/printable-in";

// In a process of its own, with a terminal that script(1) makes.
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "waiting-"));
  const source = readFileSync(join(__dirname, "../../../../cmd/screen/waiting.ts"), "utf8");
  writeFileSync(
    join(dir, "waiting.js"),
    `${transpile(source, { module: ModuleKind.CommonJS })}
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const body = async () => { await exports.withSignOfLife("inner", () => pause(Number(process.argv[2]))); return "done"; };
exports.withSignOfLife("counting", body).then((said) => console.log(said));`,
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function seen(where: "terminal" | "pipe", ms: number): string {
  const program = [process.execPath, join(dir, "waiting.js"), String(ms)];
  const [name = "", ...args] =
    where === "pipe" ? program : ["script", "-qec", program.join(" "), "/dev/null"];
  const { stdout, stderr } = spawnSync(name, args, { env: { PATH: process.env["PATH"] ?? "" } });
  return `${String(stdout)}${String(stderr)}`;
}

test("what takes longer than a second turns on a terminal, is one thing at a time, and leaves nothing", () => {
  const text = seen("terminal", 2500);
  expect(text).toMatch(/\r[-|/\\] counting/);
  expect(text).not.toContain("inner");
  expect(text).toMatch(/\r {10}\rdone/);
});

test("a pipe gets nothing of it", () => {
  expect(seen("pipe", 2500)).toBe("done\n");
});

test("escapes in any text of a value are printable, and the rest is as it was", () => {
  const value = { a: ["\u001b[31mred", 7, null], b: { c: 8n, d: undefined } };
  expect(printableIn(value)).toEqual({
    a: ["\\u001b[31mred", 7, null],
    b: { c: 8n, d: undefined },
  });
});
