import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { buildSync } from "esbuild";
import { createLock, createLocks } from "../../../../lib/node/lock";
import { createStandingPosts } from "../../../../lib/node/lock-queue";

let dir: string;
const built = mkdtempSync(join(tmpdir(), "lock-bundle-"));
const bundle = join(built, "lock.cjs");
beforeAll(
  () =>
    void buildSync({
      entryPoints: [join(__dirname, "../../../../lib/node/lock.ts")],
      bundle: true,
      platform: "node",
      outfile: bundle,
      logLevel: "silent",
    }),
);
afterAll(() => rmSync(built, { recursive: true, force: true }));
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lock-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const tickets = () => readdirSync(join(dir, "queue")).filter((file) => /@[1-9][0-9]*@/.test(file));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}

test("one at a time, whoever holds it, and nothing is left in the queue", async () => {
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 20 }, () =>
      createLock(dir).hold(60_000, async () => {
        most = Math.max(most, ++inside);
        await sleep(2);
        inside--;
      }),
    ),
  );
  expect([most, inside]).toEqual([1, 0]);
  expect(readdirSync(join(dir, "queue"))).toEqual([]);
});

test("first come, first served", async () => {
  const served: number[] = [];
  const waiting: Promise<unknown>[] = [];
  await createLock(dir).hold(60_000, async () => {
    for (let n = 0; n < 12; n++) {
      waiting.push(createLock(dir).hold(60_000, async () => void served.push(n)));
      await until(() => tickets().length === n + 2);
    }
  });
  await Promise.all(waiting);
  expect(served).toEqual(Array.from({ length: 12 }, (_, n) => n));
});

test("names are locks of their own; several are held together, in whatever order they are given", async () => {
  const locks = createLocks(dir);
  await locks.hold(["a"], 60_000, async () => {
    expect(await locks.hold(["b", "fe80::1"], 60_000, async () => "free")).toBe("free");
    await expect(locks.hold(["b", "a"], 30, async () => 1)).rejects.toMatchObject({ code: 11 });
  });
  const both = await Promise.all(
    [
      ["x", "y"],
      ["y", "x"],
      ["x", "x"],
    ].map((names) => locks.hold(names, 60_000, async () => sleep(5).then(() => names))),
  );
  expect(both).toHaveLength(3);
  expect(tickets()).toEqual([]);
});

test("many at once are one socket, and wait for nobody while they hold some", async () => {
  const names = Array.from({ length: 40 }, (_, n) => `name-${n}`);
  const locks = createLocks(dir);
  const order: string[] = [];
  const inside = async (who: string): Promise<void> => {
    order.push(who);
    await sleep(5);
    order.push(who);
  };
  await locks.hold(["name-7"], 60_000, async () => {
    const many = locks.hold(names, 60_000, () => inside("many"));
    await until(() => tickets().filter((file) => file.startsWith("name-")).length > 1);
    expect(await locks.hold(["name-9"], 60_000, async () => "free")).toBe("free");
    void many;
  });
  await Promise.all(
    ["a", "b", "c"].map((who) => locks.hold([...names].reverse(), 60_000, () => inside(who))),
  );
  expect(order.filter((who, i) => i % 2 === 0 && who !== order[i + 1])).toEqual([]);
  expect([order.length, readdirSync(join(dir, "queue"))]).toEqual([8, []]);
});

test("gives the body's value, and is free again after its error", async () => {
  const lock = createLock(dir);
  await expect(
    lock.hold(100, async () => {
      throw new Error("body");
    }),
  ).rejects.toThrow("body");
  expect(await lock.hold(100, async () => 7)).toBe(7);
});

test("waits no longer than it may: code 11, and it names who was there first", async () => {
  const lock = createLock(dir);
  await lock.hold(100, async () => {
    const message = expect.stringMatching(
      new RegExp(
        `the lock "lock" in ${dir}/queue did not become free within 60 ms: process ${process.pid} was there first and has not left`,
      ),
    );
    await expect(createLock(dir).hold(60, async () => 1)).rejects.toMatchObject({
      code: 11,
      message,
    });
    expect(tickets()).toHaveLength(1);
  });
});

test("who gives up does not hold up those behind", async () => {
  const order: string[] = [];
  let behind: Promise<unknown> = Promise.resolve();
  await createLock(dir).hold(60_000, async () => {
    const impatient = createLock(dir).hold(40, async () => order.push("impatient"));
    await until(() => tickets().length === 2);
    behind = createLock(dir).hold(60_000, async () => order.push("behind"));
    await until(() => tickets().length === 3);
    await expect(impatient).rejects.toMatchObject({ code: 11 });
  });
  await behind;
  expect(order).toEqual(["behind"]);
});

/** Another process that holds the lock, or waits for it, until it is killed. */
async function another(): Promise<ChildProcess> {
  const script = `const { createLock } = require(process.argv[1]); createLock(process.argv[2]).hold(60000, () => { console.log("held"); return new Promise(() => setInterval(() => {}, 1000)); });`;
  return spawn(process.execPath, ["-e", script, bundle, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

test("the kernel frees the lock of a killed holder, at once, and takes a killed waiter out of the queue", async () => {
  const holder = await another();
  await once(holder.stdout as Readable, "data");
  const waiter = await another();
  await until(() => tickets().length === 2);
  const mine = createLock(dir).hold(30_000, async () => "mine");
  await until(() => tickets().length === 3);
  await expect(createLock(dir).hold(0, async () => 1)).rejects.toMatchObject({ code: 11 });
  waiter.kill("SIGKILL");
  await once(waiter, "exit");
  expect(await Promise.race([mine, sleep(100).then(() => "still waiting")])).toBe("still waiting");
  holder.kill("SIGKILL");
  expect(await mine).toBe("mine");
  expect(tickets()).toEqual([]);
});

test("killed anywhere, over and over: never two at once, and what is left is swept up", async () => {
  const script = `const { createLock } = require(process.argv[1]); const fs = require("node:fs"); const [file, log] = [process.argv[2] + "/inside", process.argv[2] + "/two"];
    (async () => { for (;;) await createLock(process.argv[2]).hold(60000, async () => {
      const last = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
      if (last !== "" && fs.existsSync("/proc/" + last)) fs.writeFileSync(log, last);
      fs.writeFileSync(file, String(process.pid)); await new Promise(setImmediate); fs.writeFileSync(file, ""); }); })();`;
  for (let round = 0; round < 6; round++) {
    const workers = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ["-e", script, bundle, dir], { stdio: "ignore" }),
    );
    await sleep(250 + 20 * round);
    for (const worker of workers) worker.kill("SIGKILL");
    await Promise.all(workers.map((worker) => once(worker, "exit")));
  }
  expect(existsSync(join(dir, "two"))).toBe(false);
  expect(await createLock(dir).hold(60_000, async () => "free")).toBe("free");
  const old = new Date(Date.now() - 3_600_000);
  for (const file of readdirSync(join(dir, "queue")))
    lutimesSync(join(dir, "queue", file), old, old);
  await createLocks(dir).sweep();
  expect(readdirSync(join(dir, "queue"))).toEqual([]);
});

test("sweeping leaves alone what is in use or new", async () => {
  await createLock(dir).hold(100, async () => {
    const [held = ""] = tickets();
    lutimesSync(join(dir, "queue", held), new Date(0), new Date(0));
    writeFileSync(join(dir, "queue", "x@1@1-1"), "");
    await createLocks(dir).sweep();
    expect(readdirSync(join(dir, "queue")).sort()).toEqual([held, "x@1@1-1"].sort());
  });
});

test("a process that stays has one socket for all of its places, and those who wait at it are let go", async () => {
  const posts = createStandingPosts();
  const locks = createLocks(dir, posts);
  const order: string[] = [];
  const first = locks.hold(["a", "b"], 60_000, async () => {
    const behind = [locks, createLocks(dir)].map((each, n) =>
      each.hold(["b"], 60_000, async () => void order.push(`behind ${n}`)),
    );
    const beside = locks.hold(["c"], 60_000, async () => void order.push("beside"));
    await beside;
    // Longer than one is kept who waits, so that he looks again and goes on waiting.
    await sleep(120);
    order.push("first");
    return behind;
  });
  await Promise.all(await first);
  expect(order).toEqual(["beside", "first", "behind 0", "behind 1"]);
  expect(tickets()).toEqual([]);
  expect(readdirSync(join(dir, "queue"))).toHaveLength(1);
  posts.close();
  expect(readdirSync(join(dir, "queue"))).toEqual([]);
});

test("a standing socket is made again where somebody has removed it", async () => {
  const posts = createStandingPosts();
  const locks = createLocks(dir, posts);
  const both = await Promise.all([1, 2].map((n) => locks.hold([`${n}`], 60_000, async () => n)));
  expect(both).toEqual([1, 2]);
  rmSync(join(dir, "queue"), { recursive: true });
  expect(await locks.hold(["a"], 60_000, async () => "again")).toBe("again");
  expect(readdirSync(join(dir, "queue"))).toHaveLength(1);
  posts.close();
});

test.each([
  ["a link", () => symlinkSync("/etc", join(dir, "queue"))],
  ["a file", () => writeFileSync(join(dir, "queue"), "")],
  [
    "open to all",
    () => {
      mkdirSync(join(dir, "queue"));
      chmodSync(join(dir, "queue"), 0o777);
    },
  ],
])("%s in the queue's place is refused: code 113", async (_name, make) => {
  make();
  await expect(createLock(dir).hold(100, async () => 1)).rejects.toMatchObject({
    code: 113,
    message: expect.stringContaining("queue"),
  });
});

test("a directory deeper than a socket's path may be long", async () => {
  const deep = join(dir, "d".repeat(120));
  mkdirSync(deep);
  expect(await createLock(deep).hold(100, async () => 7)).toBe(7);
});

test("a directory that is not there is code 113", async () => {
  await expect(createLock(join(dir, "absent")).hold(100, async () => 1)).rejects.toMatchObject({
    code: 113,
  });
});
