import { expectNothingLeft, onMachine, paused, runLab, runLabAmongNames } from "../helpers/lab";

test("every statement of the lab holds, also where tables have names, and nothing of it is left", async () => {
  const { status, text, prefix } = await runLabAmongNames("bare-bridge", ["--verify"]);
  expect(text.split("\n").filter((line) => line.includes("FAILED"))).toEqual([]);
  const [, passed] = /\n(\d+) passed, 0 failed\n$/.exec(text) ?? [];
  // So that steps which were skipped do not count as shown.
  expect(Number(passed)).toBeGreaterThanOrEqual(44);
  expect(status).toBe(0);
  expectNothingLeft(prefix);
});

test("a node without its routes, and one whose mark rules are gone, make the statements about them fail", async () => {
  const { status, text, prefix } = await runLab("bare-bridge", ["--verify"], (line, pid) => {
    if (line.startsWith("6. "))
      paused(pid, () =>
        onMachine(
          pid,
          "node-2",
          "ip route del 10.200.1.0/24; iptables -w -D FORWARD -d 10.200.0.0/16 -m comment --comment 'tenant-routing routes' -j ACCEPT",
        ),
      );
    if (line.startsWith("7. "))
      paused(pid, () =>
        onMachine(
          pid,
          "node-1",
          "nft delete table inet tenant-routing; iptables -w -t mangle -F PREROUTING; ip6tables -w -t mangle -F PREROUTING",
        ),
      );
  });
  for (const statement of [
    "IPv4: two-0 sees one-0's own address",
    "IPv4: node-1 reaches the pod on node-2",
    "IPv4: the server sees node-1, not one-0",
    "IPv6: the server sees node-1, not one-0",
    "IPv4: the server sees gw-a",
    "IPv6: the server sees gw-a",
  ])
    expect(text).toContain(`   FAILED ${statement}\n`);
  expect(text).toMatch(
    / {3}FAILED its packets reach gw-a with its own address \(0 counted\), and none came by eth0 \([1-9]\d* counted\)\n/,
  );
  expect(text).toContain("   ok   IPv6: two-0 sees one-0's own address\n");
  expect(text).toContain("   ok   IPv6: the server sees node-2, not two-0\n");
  expect(status).toBe(1);
  expectNothingLeft(prefix);
});
