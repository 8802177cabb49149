import { expectNothingLeft, onMachine, paused, runLab, runLabAmongNames } from "../helpers/lab";

test("every statement of the lab holds, also where tables have names, and nothing of it is left", async () => {
  const { status, text, prefix } = await runLabAmongNames("vpn", ["--verify"]);
  expect(text.split("\n").filter((line) => line.includes("FAILED"))).toEqual([]);
  const [, passed] = /\n(\d+) passed, 0 failed\n$/.exec(text) ?? [];
  // So that steps which were skipped do not count as shown.
  expect(Number(passed)).toBeGreaterThanOrEqual(32);
  expect(status).toBe(0);
  expectNothingLeft(prefix);
});

test("without the rule that keeps local traffic local, and without the reply rule, the statements about them fail", async () => {
  const { status, text, prefix } = await runLab("vpn", ["--verify"], (line, pid) => {
    if (line.startsWith("4. ")) paused(pid, () => onMachine(pid, "node", "ip rule del pref 32764"));
    if (line.startsWith("5. "))
      paused(pid, () =>
        onMachine(
          pid,
          "node",
          "iptables -w -t mangle -S PREROUTING | grep ctdir | sed 's/^-A/iptables -w -t mangle -D/' | sh",
        ),
      );
  });
  for (const statement of [
    "player-0 reaches a pod on another node",
    "player-0 reaches a Service, whose endpoint is there",
    "the client gets player-0's answer",
  ]) {
    expect(text).toContain(`   FAILED ${statement}\n`);
  }
  expect(text).toMatch(
    / {3}FAILED nothing of that came to vpn-gw \([1-9]\d* packets counted there\)\n/,
  );
  expect(text).toContain("   ok   player-0's second hop is vpn-gw\n");
  expect(status).toBe(1);
  expectNothingLeft(prefix);
});

test("a pod that lost its mark, and one that got the VPN's, are found", async () => {
  const { status, text, prefix } = await runLab("vpn", ["--verify"], (line, pid) => {
    if (line.startsWith("3. "))
      paused(pid, () =>
        onMachine(
          pid,
          "node",
          "iptables -w -t mangle -F PREROUTING; iptables -w -t mangle -A PREROUTING -s 10.42.0.3 -j MARK --set-xmark 0x10/0x10",
        ),
      );
  });
  for (const statement of [
    "player-0's second hop is vpn-gw",
    "the server sees player-0 behind vpn-gw",
    "the server sees shop-0 behind the router",
    "all is well",
  ]) {
    expect(text).toContain(`   FAILED ${statement}\n`);
  }
  expect(text).toContain("   ok   player-0 reaches a pod on another node\n");
  expect(status).toBe(1);
  expectNothingLeft(prefix);
});
