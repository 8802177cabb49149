import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeStatusFile, writeStatusFile } from "../../../../lib/node/files";

let dir = "";
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "status-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test("is replaced as a whole, readable for all whatever the umask, and nothing else is left", () => {
  const path = join(dir, "s.json");
  const umask = process.umask(0o077);
  try {
    writeStatusFile(path, "one");
    writeStatusFile(path, "two");
  } finally {
    process.umask(umask);
  }
  expect([readFileSync(path, "utf8"), statSync(path).mode & 0o777, readdirSync(dir)]).toEqual([
    "two",
    0o644,
    ["s.json"],
  ]);
});

test("a link in its place is replaced, not followed", () => {
  const [path, other] = [join(dir, "s.json"), join(dir, "other")];
  writeFileSync(other, "theirs");
  for (const link of [path, `${path}.${process.pid}.tmp`]) symlinkSync(other, link);
  writeStatusFile(path, "ours");
  expect([readFileSync(path, "utf8"), readFileSync(other, "utf8")]).toEqual(["ours", "theirs"]);
});

test("a place that cannot be written names the file and the setting", () => {
  expect(() => writeStatusFile(join(dir, "missing/s.json"), "x")).toThrow(
    /the status file .*missing\/s\.json cannot be written \(ENOENT\): see "statusFile"/,
  );
});

test("is removed; one that is gone or in the way of nothing is fine", () => {
  const path = join(dir, "s.json");
  writeStatusFile(path, "x");
  removeStatusFile(path);
  removeStatusFile(path);
  expect(existsSync(path)).toBe(false);
  expect(() => removeStatusFile(dir)).not.toThrow();
});
