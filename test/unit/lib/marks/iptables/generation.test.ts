import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nextGeneration, readGeneration } from "../../../../../lib/marks/iptables/transaction";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "generation-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("each generation is another one", () => {
  const seen = Array.from({ length: 100 }, () => {
    nextGeneration(dir);
    return readGeneration(dir);
  });
  expect(new Set(["none", ...seen]).size).toBe(101);
});

test("reading makes no file, and the file is ours alone", () => {
  expect([readGeneration(dir), existsSync(join(dir, "generation"))]).toEqual(["none", false]);
  nextGeneration(dir);
  expect(statSync(join(dir, "generation")).mode & 0o777).toBe(0o600);
});

test("an absent directory has a generation, but not a next one", () => {
  expect(readGeneration(join(dir, "absent"))).toBe("none");
  expect(() => nextGeneration(join(dir, "absent"))).toThrow("ENOENT");
});
