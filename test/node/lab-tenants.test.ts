/** The lab `tenants` without an API server, broken and interrupted; demo.test.ts runs it with one, to its end. */
import { expectNothingLeft, onMachine, paused, runLab } from "../helpers/lab";

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
    "the rules name the pods",
    "IPv4: its packets carry both marks",
    "IPv4: web-0 leaves by gateway A",
    "IPv6: api-0 leaves by gateway B",
    'IPv4: web-0 is told "unreachable" at once',
  ]) {
    expect(text).toContain(`   FAILED ${statement}\n`);
  }
  expect(text).toMatch(
    / {3}FAILED nothing of web-0 came by another gateway \([1-9]\d* packets counted there\)\n/,
  );
  expect(text).toContain("   ok   team-b/api-0 is attached, with an IPv4 and an IPv6 address\n");
  expect(text).toContain("   ok   IPv4: client-0 leaves by the default gateway\n");
  expect(text).toMatch(/\n\d+ passed, [1-9]\d* failed\n$/);
  expect(status).toBe(1);
  expectNothingLeft(prefix);
});

test.each(["SIGINT", "SIGTERM"] as const)("%s in the middle removes everything", async (signal) => {
  const { status, text, prefix } = await runLab("tenants", [], (line, pid) => {
    if (line.startsWith("4. ")) process.kill(pid, signal);
  });
  expect(text).toContain(`stopped by ${signal}; everything was removed`);
  expect(text).not.toContain("\n5. ");
  expect(status).toBe(signal === "SIGINT" ? 130 : 143);
  expectNothingLeft(prefix);
});
