/** `wrapper selftest` as a command: it is interrupted, or cannot run. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { expectNothingLeft, WRAPPER } from "../helpers/lab";
import { EXAMPLES, PATH, selftest, useDirectory, writeConflist } from "../helpers/selftest";
import { sh, until } from "../helpers/shell";

const dir = useDirectory();

test("SIGTERM in the middle removes everything", async () => {
  const child = spawn(WRAPPER, ["selftest", "--conf", writeConflist(dir(), {})], {
    env: { PATH },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = new Promise((done) => child.on("close", done));
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => void (stderr += chunk.toString()));
  child.stdout.resume();
  await until("a pod of the test", () =>
    sh("ip", "netns", "list").includes(`trl${String(child.pid)}a-tenant-0`),
  );
  child.kill("SIGTERM");
  expect(await closed).toBe(143);
  expect(stderr).toMatch(/\nwrapper selftest: stopped by SIGTERM; everything was removed\n$/);
  expectNothingLeft(`trl${child.pid ?? 0}a`);
});

describe("status 2: it could not run", () => {
  test.each([
    [
      "no such conflist",
      ["--conf", "/nonexistent.conflist"],
      /^wrapper selftest: \/nonexistent\.conflist cannot be read: ENOENT/,
    ],
    ["an unknown output format", ["-o", "yaml"], /^wrapper selftest: unknown output format "yaml"/],
    [
      "a plugin of the chain that is not installed",
      ["--conf", join(EXAMPLES, "chained-flannel-k3s.conflist"), "--cni-path", "/nonexistent"],
      /the CNI plugin ptp .* apt-get install .*containernetworking-plugins/,
    ],
  ])("%s", (_, args, message) => {
    const { status, stdout, stderr } = spawnSync(WRAPPER, ["selftest", ...args], {
      env: { PATH },
      encoding: "utf8",
    });
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });

  test("a conflist with mistakes: all of them", () => {
    const { status, stderr } = selftest(
      writeConflist(dir(), { ours: { onErorr: "deny", lockTimeout: "soon" } }),
    );
    expect(stderr).toContain("/onErorr");
    expect(stderr).toContain("/lockTimeout");
    expect(status).toBe(2);
  });

  test("not root", () => {
    const { status, stderr } = spawnSync(
      "setpriv",
      [
        "--reuid=65534",
        "--clear-groups",
        WRAPPER,
        "selftest",
        "--conf",
        join(EXAMPLES, "ptp.conflist"),
      ],
      { env: { PATH }, encoding: "utf8" },
    );
    expect(stderr).toContain("run it as root");
    expect(status).toBe(2);
  });
});
