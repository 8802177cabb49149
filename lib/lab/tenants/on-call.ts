/** The lab `tenants` as the engineer on call meets it. */
import { runCheck, type Fixture } from "./fixture";

const LIST_RULES = "iptables-save -t mangle | grep tenant-routing";

/** The rules name the pods, and `wrapper check` finds what is missing. */
export async function showOnCall(fixture: Fixture): Promise<void> {
  const {
    setup: { transcript },
    topology: { node },
  } = fixture;
  await transcript.heading("What the engineer on call sees");
  const rules = await node.show(["sh", "-c", LIST_RULES], { as: LIST_RULES });
  transcript.statement(
    "the rules name the pods",
    ["team-a/web-0", "team-b/api-0", "--set-xmark 0x10/0xff", "--set-xmark 0x20/0xff"].every(
      (text) => rules.output.includes(text),
    ),
  );
  transcript.statement(
    "a pod without a tenant has no rule",
    rules.status === 0 && !rules.output.includes("client-0"),
  );
  const good = await runCheck(fixture);
  transcript.statement("wrapper check finds everything in order", good.status === 0);
  transcript.statement(
    "it lists pods, tenants and marks",
    [/team-a\/web-0 .*tenant-a .*0x10\/0xff/, /team-b\/api-0 .*tenant-b .*0x20\/0xff/].every(
      (row) => row.test(good.output),
    ),
  );
  const saved = await node.must(["iptables-save", "-t", "mangle"]);
  transcript.say("Now somebody flushes the rules:");
  await node.show(["iptables", "-w", "-t", "mangle", "-F", "PREROUTING"]);
  const bad = await runCheck(fixture, "team-a/web-0");
  transcript.statement("wrapper check says so, and exits with 1", bad.status === 1);
  await node.must(["iptables-restore", "-w"], { stdin: saved });
}
