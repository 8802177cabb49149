import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sandboxState, viewpoint } from "../../../../lib/node/sandbox";

let dir: string;
let netns: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sandbox-"));
  netns = join(dir, "netns", "x");
  mkdirSync(join(dir, "netns"));
  writeFileSync(netns, "");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe("viewpoint", () => {
  test("is the directory of the path and this process's network namespace", () => {
    const [place, network] = [statSync(join(dir, "netns")), statSync("/proc/self/ns/net")];
    const expected = `${place.dev}:${place.ino} ${network.dev}:${network.ino}`;
    expect(viewpoint(netns)).toBe(expected);
    expect(viewpoint(join(dir, "netns", "not-there"))).toBe(expected);
  });

  test("is /proc for the path of any process", () => {
    const proc = statSync("/proc");
    expect(viewpoint("/proc/1/ns/net")).toMatch(new RegExp(`^${proc.dev}:${proc.ino} `));
    expect(viewpoint("/proc/1/task/2/ns/net")).toBe(viewpoint("/proc/1/ns/net"));
  });

  test.each(["", "netns/x", "/proc/self/ns/net", "/proc/thread-self/ns/net", "/dev/fd/3"])(
    "there is none for %j, which means something else to every process",
    (path) => expect(viewpoint(path)).toBeUndefined(),
  );

  test("there is none where the directory is missing", () => {
    expect(viewpoint(join(dir, "missing", "x"))).toBeUndefined();
  });
});

describe("sandboxState", () => {
  test("there, then gone", () => {
    const seenFrom = viewpoint(netns);
    expect(sandboxState(netns, seenFrom)).toBe("there");
    rmSync(netns);
    expect(sandboxState(netns, seenFrom)).toBe("gone");
  });

  test("a link is there, wherever it leads", () => {
    rmSync(netns);
    symlinkSync(join(dir, "nowhere"), netns);
    expect(sandboxState(netns, viewpoint(netns))).toBe("there");
  });

  test("unknown without a viewpoint, or from another network namespace", () => {
    rmSync(netns);
    expect(sandboxState(netns, undefined)).toBe("unknown");
    expect(sandboxState(netns, `${viewpoint(netns)?.split(" ")[0]} 1:1`)).toBe("unknown");
  });

  test("unknown where another directory has that name, or none", () => {
    const seenFrom = viewpoint(netns);
    renameSync(join(dir, "netns"), join(dir, "old"));
    expect(sandboxState(netns, seenFrom)).toBe("unknown");
    mkdirSync(join(dir, "netns"));
    expect(sandboxState(netns, seenFrom)).toBe("unknown");
  });

  test("unknown where the path cannot be looked at", () => {
    const long = join(dir, "netns", "x".repeat(300));
    expect(sandboxState(long, viewpoint(long))).toBe("unknown");
  });

  test("the process decides for what is below it", () => {
    const mine = `/proc/${process.pid}/task/2147483647/ns/net`;
    expect(sandboxState(mine, viewpoint(mine))).toBe("there");
    // Above the largest PID that Linux gives.
    const nobodys = "/proc/2147483647/ns/net";
    expect(sandboxState(nobodys, viewpoint(nobodys))).toBe("gone");
  });
});
