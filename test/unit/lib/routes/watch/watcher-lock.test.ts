import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERRORS } from "../../../../../lib/cni/error";
import type { ResolvedGateway } from "../../../../../lib/routes/model";
import { createWatcherLock } from "../../../../../lib/routes/watch/watcher-lock";
import { confWith, routesWith, tenantWith } from "../../../../helpers/conf-object";

let dir: string;
let own: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "watcher-lock-"));
  own = join(dir, `watch-${statSync("/proc/self/ns/net").ino}`);
  file = join(own, "watcher.json");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const gateway = (via: string, unusable?: ResolvedGateway["unusable"]): ResolvedGateway => ({
  ...{ tenant: "a", family: 4, via, dev: "eth1", weight: 1, check: undefined, unusable },
});
const key = (via: string): string => `a 4 ${via} eth1`;
const LOST = gateway("192.0.2.1", "failed");
const WORKS = gateway("192.0.2.2");
const DOWN = gateway("192.0.2.3", "device-down");
const CONF = confWith({ tenants: [tenantWith()] });
const tryAgainLater = { code: ERRORS.tryAgainLater.code };
const publishedBefore = (text: string): void => {
  mkdirSync(own, { recursive: true });
  writeFileSync(file, text);
};

describe("hold", () => {
  test("is held while the body runs, seen by everybody, and its result passed on", async () => {
    const [mine, other] = [createWatcherLock(dir), createWatcherLock(dir)];
    expect(await other.isHeld()).toBe(false);
    expect(await mine.hold(() => other.isHeld())).toBe(true);
    expect(await other.isHeld()).toBe(false);
  });

  test("its directory, which nobody else may read, is that of this network namespace", async () => {
    await createWatcherLock(dir).hold(async () => undefined);
    expect(statSync(own).mode & 0o777).toBe(0o700);
  });

  test("a second watcher is turned away after a while, and told where the lock is", async () => {
    let ran = false;
    await createWatcherLock(dir).hold(async () => {
      const second = createWatcherLock(dir).hold(async () => (ran = true));
      await expect(second).rejects.toMatchObject({
        ...tryAgainLater,
        message: `another wrapper routes watch is at work on this node (it holds the lock in ${own}/queue): stop it first`,
      });
    });
    expect(ran).toBe(false);
  });

  test("a second watcher takes over from one that is just ending", async () => {
    let second: Promise<string> | undefined;
    await createWatcherLock(dir).hold(async () => {
      second = createWatcherLock(dir).hold(async () => "mine");
      await new Promise((resolve) => setTimeout(resolve, 50));
    });
    expect(await second).toBe("mine");
  });

  test("what the body throws is passed on, and the lock is free again", async () => {
    const lock = createWatcherLock(dir);
    await expect(lock.hold(() => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
    expect(await lock.isHeld()).toBe(false);
  });

  test("whether it is held cannot be said where the queue is unusable", async () => {
    mkdirSync(own);
    writeFileSync(join(own, "queue"), "");
    await expect(createWatcherLock(dir).isHeld()).rejects.not.toMatchObject(tryAgainLater);
  });
});

describe("what the watcher publishes", () => {
  test("the gateways that failed, and no others", async () => {
    const lock = createWatcherLock(dir);
    await lock.hold(async () => {
      lock.publish(CONF, [LOST, WORKS, DOWN]);
      const watcher = await createWatcherLock(dir).watcher();
      expect([LOST, WORKS, DOWN].map((each) => watcher?.health(each))).toEqual([false, true, true]);
    });
    expect(lock.lostBefore()).toEqual([key("192.0.2.1")]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("whether it keeps the routes of a configuration", async () => {
    const lock = createWatcherLock(dir);
    await lock.hold(async () => {
      lock.publish(CONF, []);
      const watcher = await createWatcherLock(dir).watcher();
      const others = [
        { ...CONF, tenants: [tenantWith({ name: "b" })] },
        { ...CONF, routes: routesWith({ tenantPriority: 1 }) },
        { ...CONF, iptables: "nft" as const },
      ];
      expect(others.map((conf) => watcher?.keeps(conf))).toEqual([false, false, false]);
      expect(watcher?.keeps({ ...CONF, name: "other" })).toBe(true);
    });
  });

  test("is written again only when it has changed", () => {
    const lock = createWatcherLock(dir);
    lock.publish(CONF, [LOST]);
    rmSync(file);
    lock.publish(CONF, [LOST, WORKS]);
    expect(() => statSync(file)).toThrow("ENOENT");
    lock.publish(CONF, []);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ lost: [] });
  });

  test("is of no use when no watcher runs", async () => {
    const lock = createWatcherLock(dir);
    lock.publish(CONF, [LOST]);
    expect(await lock.watcher()).toBeUndefined();
  });

  test("a watcher that has published nothing yet counts all gateways and keeps all routes", async () => {
    const lock = createWatcherLock(dir);
    await lock.hold(async () => {
      const watcher = await lock.watcher();
      expect([watcher?.health(LOST), watcher?.keeps(CONF)]).toEqual([true, true]);
    });
  });

  test("a file that is no JSON is an error for whoever asks, with what to do", async () => {
    publishedBefore("{");
    const lock = createWatcherLock(dir);
    await lock.hold(async () => {
      await expect(lock.watcher()).rejects.toMatchObject({
        code: ERRORS.journal.code,
        message: expect.stringMatching(/watcher\.json, is unusable .*restart wrapper routes watch/),
      });
    });
  });

  test("cannot be published where a directory is in its place", () => {
    mkdirSync(join(file, "x"), { recursive: true });
    expect(() => createWatcherLock(dir).publish(CONF, [])).toThrow(
      expect.objectContaining({ code: ERRORS.journal.code }),
    );
  });
});

describe("lostBefore", () => {
  test.each([
    ["nothing", undefined, []],
    ["no JSON", "{", []],
    ["a list", "[]", []],
    ["no list of names", '{"lost":"x"}', []],
    ["names and other things", '{"lost":["x",1,null]}', ["x"]],
  ])("the previous watcher left %s", (_, text, lost) => {
    if (text !== undefined) publishedBefore(text);
    expect(createWatcherLock(dir).lostBefore()).toEqual(lost);
  });
});
