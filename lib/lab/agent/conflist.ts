/** The lab `agent` when the conflist changes while pods run. Needs the agent's reconciler. */
import { renameSync } from "node:fs";
import { addSender, MARK, now, removeSender, stateWays, type Fixture } from "./fixture";
import { LIMIT_MS } from "../kit/agent/resident";
import { conflistText, FIRST_CHOICES, type Choices } from "./topology";

const OTHER_CHOICES: Choices = { markA: "0x30/0xff" };

/** Tenant A gets another mark, and its first one back; neither agent nor pods are restarted. */
export async function showConflist(fixture: Fixture): Promise<void> {
  const { setup, topology, runtime } = fixture;
  const { transcript } = setup;
  await transcript.heading(
    "The conflist gives tenant A another mark: new pods and running ones follow",
  );
  const from = await now(topology);
  change(fixture, OTHER_CHOICES);
  const pod = await runtime.sandbox({ pod: "team-a/new-0", annotations: { [MARK]: "tenant-a" } });
  const sender = await addSender(fixture, pod, topology.a);
  transcript.statement("a pod is added at once", sender !== undefined);
  if (sender === undefined) return;
  transcript.statement("it has the new mark", await hasMark(fixture, sender.addresses[0], "0x30"));
  await follow(fixture, "0x30");
  await stateWays(fixture, from, [fixture.web, fixture.mail, fixture.plain, sender]);
  transcript.statement("the new pod is deleted", await removeSender(fixture, sender));
  const back = await now(topology);
  change(fixture, FIRST_CHOICES);
  await follow(fixture, "0x10");
  await stateWays(fixture, back);
}

/** As an editor or a configuration management does: the new file takes the old one's place at once. */
function change({ setup, conflist, topology }: Fixture, choices: Choices): void {
  const path = setup.write("tenants.conflist.new", conflistText(setup, topology, choices));
  renameSync(path, conflist);
  setup.transcript.command(
    topology.node.name,
    `sed -i 's|"fwmark": ".*", "table": 100|"fwmark": "${choices.markA}", "table": 100|' tenants.conflist`,
  );
}

/** The running pod of tenant A gets the mark. */
async function follow(fixture: Fixture, mark: string): Promise<void> {
  const { transcript, shell } = fixture.setup;
  const started = performance.now();
  const [address] = fixture.web.addresses;
  const followed = await shell.until(() => hasMark(fixture, address, mark), LIMIT_MS);
  transcript.statement(`web-0, which runs, has the mark ${mark}, and was not restarted`, followed);
  transcript.say(`It took at most ${Math.round(performance.now() - started)} ms.`);
}

async function hasMark(
  { topology: { node } }: Fixture,
  address: string,
  mark: string,
): Promise<boolean> {
  const rules = await node.must(["iptables-save", "-t", "mangle"]);
  return rules
    .split("\n")
    .some(
      (rule) => rule.includes(`-s ${address}/32 `) && rule.includes(`--set-xmark ${mark}/0xff`),
    );
}
