/** The lab `agent` without an API server; scripts/lab.sh runs it with one. */
import { expectNothingLeft, onMachine, paused, runLab, runLabAmongNames } from "../helpers/lab";

test("every statement of the lab holds, also where tables have names, and nothing of it is left", async () => {
  const { status, text, prefix } = await runLabAmongNames("agent", ["--verify"]);
  expect(text.split("\n").filter((line) => line.includes("FAILED"))).toEqual([]);
  const [, passed] = /\n(\d+) passed, 0 failed\n$/.exec(text) ?? [];
  // So that steps which were skipped do not count as shown.
  expect(Number(passed)).toBeGreaterThanOrEqual(96);
  expect(status).toBe(0);
  expectNothingLeft(prefix);
});

test("packets that take another way are counted there, for the tenants only, and until it is put right", async () => {
  const node = (pid: number, script: string): void =>
    paused(pid, () => void onMachine(pid, "node", script));
  const { status, text, prefix } = await runLab("agent", ["--verify"], (line, pid) => {
    if (line.startsWith("4. ")) {
      // By an address that is not the node's default gateway: the guard stops what takes that one.
      onMachine(
        pid,
        "gw-default",
        `ip addr add 10.0.0.77/24 dev "$(ip -o addr show to 10.0.0.1 | awk '{ print $2 }')"`,
      );
      node(
        pid,
        "ip route add default via 10.0.0.77 table 999; ip rule add pref 10 to 203.0.113.80 lookup 999",
      );
    }
    if (line.startsWith("5. ")) node(pid, "ip rule del pref 10; ip route flush table 999");
  });
  const [, four = "", five = ""] = /\n4\. ([^]*)\n5\. ([^]*)\n6\. /.exec(text) ?? [];
  for (const [pod, gateway] of [
    ["web-0", "gw-a"],
    ["mail-0", "gw-b"],
    ["half-0", "gw-a"],
  ])
    expect(four).toMatch(
      new RegExp(`   FAILED [1-9]\\d* packets of ${pod} came to another gateway than ${gateway}\n`),
    );
  expect(four).toContain("   ok   0 packets of plain-0 came to another gateway than gw-default\n");
  expect(five).toContain("   ok   0 packets of gone-0 came to another gateway than gw-b\n");
  expect(status).toBe(1);
  expectNothingLeft(prefix);
});

test("without the launcher it says where it looked and what makes it", async () => {
  const { status, text } = await runLab("agent", ["--launcher", "/nowhere/launcher"]);
  expect(text).toContain("the launcher /nowhere/launcher is missing");
  expect(text).toContain("apt-get install gcc");
  expect(status).toBe(2);
});
