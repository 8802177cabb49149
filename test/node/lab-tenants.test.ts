import {
  directoriesOf,
  expectNothingLeft,
  onMachine,
  paused,
  runLab,
  runLabAmongNames,
  WRAPPER,
} from "../helpers/lab";
import { sh } from "../helpers/shell";

test("every statement of the lab holds, also where tables have names, and nothing of it is left", async () => {
  const { status, text, prefix } = await runLabAmongNames("tenants", ["--verify"]);
  expect(text.split("\n").filter((line) => line.includes("FAILED"))).toEqual([]);
  const [, passed] = /\n(\d+) passed, 0 failed\n$/.exec(text) ?? [];
  // So that steps which were skipped do not count as shown.
  expect(Number(passed)).toBeGreaterThanOrEqual(58);
  expect(status).toBe(0);
  expectNothingLeft(prefix);
}, 120_000);

test("a node whose marks are gone makes the statements about it fail, the others not", async () => {
  const { status, text, prefix } = await runLab("tenants", ["--verify"], (line, pid) => {
    if (line.startsWith("3. "))
      paused(pid, () =>
        onMachine(
          pid,
          "node",
          "iptables -w -t mangle -F PREROUTING; ip6tables -w -t mangle -F PREROUTING",
        ),
      );
  });
  for (const statement of [
    "IPv4: web-0 leaves by gateway A",
    "IPv6: api-0 leaves by gateway B",
    'IPv4: web-0 is told "unreachable" at once',
  ]) {
    expect(text).toContain(`   FAILED ${statement}\n`);
  }
  expect(text).toMatch(
    / {3}FAILED nothing of web-0 came by another gateway \([1-9]\d* packets counted there\)\n/,
  );
  expect(text).toContain("   ok   IPv4: client-0 leaves by the default gateway\n");
  expect(text).toMatch(/\n\d+ passed, [1-9]\d* failed\n$/);
  expect(status).toBe(1);
  expectNothingLeft(prefix);
}, 120_000);

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s in the middle removes everything",
  async (signal) => {
    const { status, text, prefix } = await runLab("tenants", [], (line, pid) => {
      if (line.startsWith("4. ")) process.kill(pid, signal);
    });
    expect(text).toContain(`stopped by ${signal}; everything was removed`);
    expect(text).not.toContain("\n5. ");
    expect(status).toBe(signal === "SIGINT" ? 130 : 143);
    expectNothingLeft(prefix);
  },
  60_000,
);

test("what --keep or a kill left is removed by --remove, what still runs is not", async () => {
  const running = runLab("tenants", ["--keep"]);
  const killed = await runLab("tenants", [], (line, pid) => {
    if (line.startsWith("3. ")) process.kill(pid, "SIGKILL");
  });
  expect(directoriesOf(killed.prefix)).toHaveLength(1);
  const said = sh(WRAPPER, "lab", "--remove");
  expect(said).toContain("Removed /tmp/tenant-routing-lab.");
  expectNothingLeft(killed.prefix);
  // LabRun to its end in spite of the removal, and still there.
  const { text, prefix } = await running;
  expect(text).toContain("Left standing");
  const [, toTry] = /\n +sudo (ip netns exec .*)\n/.exec(text) ?? [];
  expect(sh("sh", "-c", toTry ?? "false")).toContain("fwmark");
  expect(
    sh(
      "ip",
      "netns",
      "exec",
      `${prefix}-web-0`,
      "curl",
      "-sS",
      "--max-time",
      "5",
      "http://203.0.113.80/",
    ),
  ).toContain("you came from 198.51.100.11");
  sh(WRAPPER, "lab", "--remove");
  expectNothingLeft(prefix);
}, 120_000);
