import { expectNothingLeft, onMachine, paused, runLab, runLabAmongNames } from "../helpers/lab";

test("every statement of the lab holds, also where tables have names, and nothing of it is left", async () => {
  const { status, text, prefix } = await runLabAmongNames("external-ipam", ["--verify"]);
  expect(text.split("\n").filter((line) => line.includes("FAILED"))).toEqual([]);
  const [, passed] = /\n(\d+) passed, 0 failed\n$/.exec(text) ?? [];
  expect(text).toContain("warning TR0617 b/home-0 has 2001:db8:b000::");
  // So that steps which were skipped do not count as shown.
  expect(Number(passed)).toBeGreaterThanOrEqual(99);
  expect(status).toBe(0);
  expectNothingLeft(prefix);
});

test("without marks, with a wide pool, and with a rule that leads the old prefix elsewhere, the statements about them fail", async () => {
  const node = (pid: number, script: string): void =>
    paused(pid, () => void onMachine(pid, "node", script));
  const { status, text, prefix } = await runLab("external-ipam", ["--verify"], (line, pid) => {
    if (line.startsWith("3. ")) node(pid, "iptables -w -t mangle -F PREROUTING");
    if (line.startsWith("9. "))
      node(
        pid,
        `dir=$(dirname "$(grep -lx trl${pid}a /tmp/tenant-routing-lab.*/prefix)")
         sed -i 's|"10.68.0.0/28"|"10.68.0.0/16"|' "$dir/external-ipam.conflist"`,
      );
    if (line.startsWith("11. "))
      node(pid, "ip -6 rule add pref 10 from 2001:db8:b000::/52 lookup main");
  });
  for (const statement of [
    "desk-0 leaves by gw-a",
    "it asks for one beside the pool: ADD fails, and says so",
    "it asks for one beside the pool: it leaves no interface, no rule, no record",
    "home-0 gets no answer any more, and its packets still go to the isp (0)",
  ])
    expect(text).toContain(`   FAILED ${statement}\n`);
  expect(text).toMatch(
    / {3}FAILED nothing of the old prefix came to another gateway \(0, 0, 0, [1-9]\d* packets counted there\)\n/,
  );
  expect(text).toContain("   ok   it asks for db-0's address: ADD fails, and says so\n");
  expect(text).toContain("   ok   home-1 leaves by the isp with its own address\n");
  expect(status).toBe(1);
  expectNothingLeft(prefix);
});
