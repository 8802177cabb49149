/** The lab `agent` when somebody deletes the tenants' rules. */
import { arrived, flowing, now, showArrivals, stateWays, type Fixture } from "./fixture";
import { LIMIT_MS } from "../kit/agent/resident";

const DELETE = `for family in -4 -6; do
  ip $family rule | sed -n 's/^\\([0-9]*\\):.*fwmark.*/\\1/p' | while read -r priority; do
    ip $family rule del pref "$priority"
  done
done`;
// Not a stop that a step before has left behind for a mark that nobody has any more.
const FWMARKS = `for family in -4 -6; do
  ip $family rule | grep -e 'fwmark 0x10/' -e 'fwmark 0x20/' | sed "s/^[0-9]*:/$family/" | sort -u || true
done`;

/** The agent's watcher puts them back; until then the guard keeps marked packets from the node's own way. */
export async function showRules(fixture: Fixture): Promise<void> {
  const { setup, topology } = fixture;
  const { transcript, shell } = setup;
  const { node, byDefault } = topology;
  await transcript.heading("Somebody deletes the tenants' ip rules: the agent puts them back");
  const rules = (): Promise<string> => node.must(["sh", "-ec", FWMARKS]);
  const before = await rules();
  const from = await now(topology);
  const started = performance.now();
  await node.show(["sh", "-ec", DELETE], { as: "ip rule del ... (every rule with fwmark)" });
  const restored = await shell.until(async () => (await rules()) === before, LIMIT_MS);
  const took = Math.round(performance.now() - started);
  transcript.statement("the rules are there again, in both families", restored);
  const senders = [fixture.web, fixture.mail, fixture.plain];
  // Those that were on their way have arrived then.
  await flowing(fixture, await now(topology), senders);
  const to = await now(topology);
  showArrivals(fixture, [from, to], senders);
  const leaked = [fixture.web, fixture.mail].map((pod) => arrived([from, to], pod, byDefault));
  transcript.statement(
    "no packet of web-0 and mail-0 left by gw-default meanwhile: the guard stops what would go there with a mark",
    leaked.every((count) => count === 0),
  );
  transcript.say(`It took at most ${took} ms. Since then:`);
  await stateWays(fixture, to);
}
