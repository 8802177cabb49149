import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nextGeneration, readGeneration } from "../../../../lib/rules/generation";

test("each generation is another one, in the same millisecond and with a clock that went back", () => {
  const dir = mkdtempSync(join(tmpdir(), "generation-"));
  const lock = join(dir, "lock");
  try {
    writeFileSync(lock, "");
    const future = Date.now() / 1000 + 86_400;
    utimesSync(lock, future, future);
    const seen = Array.from({ length: 100 }, () => {
      nextGeneration(dir);
      return readGeneration(dir);
    });
    expect(new Set([...seen, future * 1000]).size).toBe(101);
    expect([...seen].sort((a, b) => a - b)).toEqual(seen);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
