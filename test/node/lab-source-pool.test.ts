import { expectNothingLeft, onMachine, paused, runLab, runLabAmongNames } from "../helpers/lab";

test("every statement of the lab holds, also where tables have names, and nothing of it is left", async () => {
  const { status, text, prefix } = await runLabAmongNames("source-pool", ["--verify"]);
  expect(text.split("\n").filter((line) => line.includes("FAILED"))).toEqual([]);
  const [, passed] = /\n(\d+) passed, 0 failed\n$/.exec(text) ?? [];
  // So that steps which were skipped do not count as shown.
  expect(Number(passed)).toBeGreaterThanOrEqual(48);
  expect(status).toBe(0);
  expectNothingLeft(prefix);
});

test("a router that forgets the tenant makes the statements about it fail, the others not", async () => {
  const { status, text, prefix } = await runLab("source-pool", ["--verify"], (line, pid) => {
    if (line.startsWith("5. "))
      paused(pid, () =>
        onMachine(pid, "router", "for f in -4 -6; do ip $f rule del priority 30002; done"),
      );
  });
  for (const statement of [
    "IPv4: player-0's packets go by the router and vpn-exit",
    "IPv6: player-0's packets go by the router and vpn-exit",
    'IPv4: player-0 is told "unreachable" at once',
  ]) {
    expect(text).toContain(`   FAILED ${statement}\n`);
  }
  expect(text).toMatch(
    / {3}FAILED nothing of player-0 came to the isp \([1-9]\d* and [1-9]\d* packets counted there\)\n/,
  );
  expect(text).toContain("   ok   IPv4: the server sees shop-0 as the router's address on wan0\n");
  expect(status).toBe(1);
  expectNothingLeft(prefix);
});

test("a node that translates, and a router that does it towards the LAN, are found", async () => {
  const hide = (dev: string): string =>
    `nft 'table inet hide { chain post { type nat hook postrouting priority srcnat; oifname "${dev}" masquerade; }; }'`;
  const { status, text, prefix } = await runLab("source-pool", ["--verify"], (line, pid) => {
    if (line.startsWith("6. ")) paused(pid, () => onMachine(pid, "node", hide("eth0")));
    if (line.startsWith("7. "))
      paused(pid, () => [
        onMachine(pid, "node", "nft delete table inet hide"),
        onMachine(pid, "router", hide("lan0")),
      ]);
  });
  for (const statement of [
    "the node has rules that mark, and none that translates",
    "IPv4: the nas sees shop-0's own address",
    "IPv6: the nas sees player-0's own address",
  ]) {
    expect(text).toContain(`   FAILED ${statement}\n`);
  }
  expect(text).toMatch(
    / {3}FAILED none came with an address of the node \([1-9]\d* and [1-9]\d* counted\)\n/,
  );
  expect(text).toContain("   ok   IPv6: from pool to pod of the other pool\n");
  expect(status).toBe(1);
  expectNothingLeft(prefix);
});
