import { chmodSync, lstatSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isYoung, makeDirectory, stampOf } from "../../../../lib/node/files";

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "directory-"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

test("makes what is missing, with the mode, and does not mind what is there", () => {
  makeDirectory(join(base, "a/b/c"), 0o700);
  makeDirectory(join(base, "a/b/c"), 0o700);
  expect(statSync(join(base, "a/b/c")).mode & 0o777).toBe(0o700);
});

test.each(["/proc/nowhere/x/y", "/proc/nowhere"])(
  "gives up below %s instead of trying for ever",
  (path) => {
    expect(() => makeDirectory(path, 0o700)).toThrow(expect.objectContaining({ code: "ENOENT" }));
  },
);

test("a file in the way is an error", () => {
  writeFileSync(join(base, "file"), "");
  expect(() => makeDirectory(join(base, "file/x"), 0o700)).toThrow(
    expect.objectContaining({ code: "ENOTDIR" }),
  );
});

test("a file has another stamp after each change, and is young right after one", () => {
  const path = join(base, "file");
  const look = () => lstatSync(path, { bigint: true });
  writeFileSync(path, "a");
  const stamps = [look()];
  chmodSync(path, 0o600);
  stamps.push(look());
  rmSync(path);
  writeFileSync(path, "ab");
  stamps.push(look());
  expect(new Set(stamps.map(stampOf)).size).toBe(3);
  expect(stampOf(look())).toBe(stampOf(look()));
  const ago = (ms: number) => ({ ctimeMs: BigInt(Date.now() - ms) });
  expect([isYoung(ago(0)), isYoung(ago(60_000))]).toEqual([true, false]);
});
