import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { sh } from "../helpers/shell";
import { withTableNames } from "../helpers/table-names";

const DEMO = resolve(__dirname, "../../scripts/demo.sh");

interface Shown {
  readonly status: number | null;
  readonly text: string;
  readonly pid: number | undefined;
}

function runDemo(...args: string[]): Promise<Shown> {
  const [program, ...words] = withTableNames([DEMO, ...args]);
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => void (text += chunk.toString()));
  return new Promise((done) =>
    child.on("close", (status) => done({ status, text, pid: child.pid })),
  );
}

function directoriesOf(prefix: string): string[] {
  return readdirSync("/tmp").filter(
    (name) => name.startsWith("tenant-routing-demo.") && prefixIn(name) === prefix,
  );
}

function prefixIn(name: string): string {
  try {
    return readFileSync(join("/tmp", name, "prefix"), "utf8").trim();
  } catch {
    return "";
  }
}

test("every statement of the demo holds, also where tables have names, and nothing of it is left", async () => {
  const { status, text, pid } = await runDemo("--verify", "--no-install");
  expect(text).not.toContain("NOT SO");
  const [, passed] = /\n(\d+) passed, 0 failed\n$/.exec(text) ?? [];
  // So that steps which were skipped do not count as shown.
  expect(Number(passed)).toBeGreaterThanOrEqual(36);
  expect(status).toBe(0);
  const prefix = `trd${String(pid)}`;
  expect(sh("ip", "netns", "list")).not.toContain(`${prefix}-`);
  expect(directoriesOf(prefix)).toEqual([]);
}, 120_000);
