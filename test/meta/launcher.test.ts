/** cmd/launcher/launcher.c: its size, and what it shares with the TypeScript beside it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MAX_INPUT_BYTES } from "../../lib/cni/json";

const ROOT = join(__dirname, "../..");
const SOURCE = readFileSync(join(ROOT, "cmd/launcher/launcher.c"), "utf8");

test("it has at most 300 lines of at most 100 columns", () => {
  const lines = SOURCE.trimEnd().split("\n");
  expect(lines.length).toBeLessThanOrEqual(300);
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
});

test("its limits are those of the one-shot binary", () => {
  expect(/MAX_INPUT = 8 << 20,/.test(SOURCE) && 8 << 20).toBe(MAX_INPUT_BYTES);
  const exec = readFileSync(join(ROOT, "lib/node/exec.ts"), "utf8");
  for (const name of ["DRAIN_MS", "KILL_MS"]) {
    const value = new RegExp(`const ${name} = (\\d+);`).exec(exec)?.[1];
    expect(SOURCE).toContain(`${name} = ${value},`);
  }
});
