import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLock } from "../../../lib/lock";

let dir: string;
beforeEach(() => { dir = mkdtempSync(join(tmpdir(), "lock-")); });
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("one at a time, whoever holds it, and nothing but the lock file is left", async () => {
  let inside = 0;
  let most = 0;
  await Promise.all(Array.from({ length: 20 }, () => createLock(dir).hold(5000, async () => {
    most = Math.max(most, ++inside);
    await sleep(2);
    inside--;
  })));
  expect([most, inside]).toEqual([1, 0]);
  expect(readdirSync(dir)).toEqual(["lock"]);
});

test("gives the body's value, and is free again after its error", async () => {
  const lock = createLock(dir);
  await expect(lock.hold(100, async () => { throw new Error("body"); })).rejects.toThrow("body");
  expect(await lock.hold(100, async () => 7)).toBe(7);
});

test("waits no longer than it may: code 11", async () => {
  const lock = createLock(dir);
  await lock.hold(100, async () => {
    await expect(createLock(dir).hold(60, async () => 1)).rejects.toMatchObject({ code: 11, message: expect.stringContaining(join(dir, "lock")) });
  });
});

test("the kernel frees the lock of a killed holder", async () => {
  const script = `const { DatabaseSync } = require("node:sqlite"); const d = new DatabaseSync(process.argv[1]);
    d.exec("PRAGMA journal_mode=OFF; BEGIN EXCLUSIVE"); console.log("held"); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["-e", script, join(dir, "lock")], { stdio: ["ignore", "pipe", "ignore"] });
  await once(holder.stdout, "data");
  await expect(createLock(dir).hold(30, async () => 1)).rejects.toMatchObject({ code: 11 });
  holder.kill("SIGKILL");
  expect(await createLock(dir).hold(2000, async () => "mine")).toBe("mine");
});

test.each([
  ["a link", () => symlinkSync("/etc/passwd", join(dir, "lock"))],
  ["a directory", () => mkdirSync(join(dir, "lock"))],
])("%s in its place is refused: code 113", async (_name, make) => {
  make();
  await expect(createLock(dir).hold(100, async () => 1)).rejects.toMatchObject({ code: 113 });
});

test("a directory that is not there is code 113", async () => {
  await expect(createLock(join(dir, "absent")).hold(100, async () => 1)).rejects.toMatchObject({ code: 113 });
});
