import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNetDir, readPluginDirs } from "../../../../../lib/node/cni/net-dir";

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), "net-dir-"))));
afterEach(() => rmSync(dir, { recursive: true }));

test("files and links with their content; what is none says what it is", () => {
  writeFileSync(join(dir, "a.conf"), "text");
  symlinkSync("a.conf", join(dir, "b.conf"));
  symlinkSync("nowhere", join(dir, "c.conf"));
  mkdirSync(join(dir, "d.conf"));
  spawnSync("mkfifo", [join(dir, "e.conf")]);
  writeFileSync(join(dir, "f.conf"), "");
  truncateSync(join(dir, "f.conf"), 9 * 1024 * 1024);
  const found = Object.fromEntries(readNetDir(dir).map(({ name, content }) => [name, content]));
  expect(found).toEqual({
    "a.conf": Buffer.from("text"),
    "b.conf": Buffer.from("text"),
    "c.conf": { problem: "ENOENT" },
    "e.conf": { problem: "not a regular file" },
    "f.conf": { problem: "larger than 8388608 bytes" },
  });
});

test("a directory that is not there", () => {
  expect(() => readNetDir(join(dir, "none"))).toThrow(`${dir}/none cannot be read (ENOENT)`);
});

test("the names of all plugin directories, and those that cannot be read", () => {
  const [one, two] = [join(dir, "one"), join(dir, "two")];
  for (const each of [one, two]) {
    mkdirSync(each);
    writeFileSync(join(each, "ptp"), "");
  }
  writeFileSync(join(two, "bridge"), "");
  mkdirSync(join(two, "lib"));
  expect(readPluginDirs([one, two, join(dir, "three")])).toEqual({
    names: ["bridge", "ptp"],
    unread: [{ dir: join(dir, "three"), why: "ENOENT" }],
  });
});
