import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readPrivateFile, replacePrivateFile } from "../../../../lib/node/private-file";

let dir: string;
let path: string;
let temporary: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "private-"));
  [path, temporary] = [join(dir, "file"), join(dir, "file.tmp")];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const read = (limit = 100, check: Parameters<typeof readPrivateFile>[2] = () => {}): string =>
  new TextDecoder().decode(readPrivateFile(path, limit, check));

test("what was written is read, by us alone", () => {
  replacePrivateFile(temporary, path, "old");
  replacePrivateFile(temporary, path, "new");
  expect([read(), statSync(path).mode & 0o777, readdirSync(dir)]).toEqual(["new", 0o600, ["file"]]);
});

test("a temporary file that a killed writer left is no obstacle, and a link in its place is not followed", () => {
  writeFileSync(join(dir, "other"), "theirs");
  symlinkSync(join(dir, "other"), temporary);
  replacePrivateFile(temporary, path, "ours");
  expect([read(), readFileSync(join(dir, "other"), "utf8")]).toEqual(["ours", "theirs"]);
});

test("a failure leaves no temporary file", () => {
  execFileSync("mkdir", [path]);
  expect(() => replacePrivateFile(temporary, path, "x")).toThrow();
  expect(readdirSync(dir)).toEqual(["file"]);
});

test("a file beyond the limit is recognised without reading all of it", () => {
  writeFileSync(path, "x".repeat(1024 * 1024));
  const length = readPrivateFile(path, 100, () => {}).byteLength;
  expect(length).toBeGreaterThan(100);
  expect(length).toBeLessThan(100_000);
});

test("what is there is judged before it is read: a link by errno, anything else by its status", () => {
  symlinkSync("/etc/passwd", path);
  expect(() => read()).toThrow(expect.objectContaining({ code: "ELOOP" }));
  rmSync(path);
  execFileSync("mkfifo", [path]);
  const refuse = (stat: { isFile(): boolean }): void => {
    if (!stat.isFile()) throw new Error("no file");
  };
  expect(() => read(100, refuse)).toThrow("no file");
  rmSync(path);
  expect(() => read()).toThrow(expect.objectContaining({ code: "ENOENT" }));
});
