/** The lab `agent` when somebody empties the firewall. Needs the agent's reconciler, and its guard. */
import {
  arrived,
  flowing,
  now,
  showArrivals,
  stateWays,
  type Fixture,
  type Moment,
} from "./fixture";
import { LIMIT_MS } from "../kit/agent/resident";

const MANGLE = "iptables -w -t mangle -F; ip6tables -w -t mangle -F";
const GUARD = "inet tenant-routing-guard";
/** Addresses of the pods that are marked, of both families, without counters. */
const MARKED = "{ iptables-save -t mangle; ip6tables-save -t mangle; } | grep -e set-xmark || true";
const GUARDED = `nft list table ${GUARD} 2>&1 | sed 's/packets [0-9]* bytes [0-9]*//'`;

/** As `iptables -F` by hand does, or an iptables-restore by others: the guard stands meanwhile. */
export async function showMangleFlushed(fixture: Fixture): Promise<void> {
  const { setup, topology } = fixture;
  const { transcript } = setup;
  await transcript.heading("Somebody flushes mangle: the marks come back, nothing leaks meanwhile");
  const dropped = await dropsOf(fixture);
  const from = await now(topology);
  await repaired(fixture, MANGLE);
  const drops = (await dropsOf(fixture)) - dropped;
  transcript.say(`The guard dropped ${drops} packets of pods that had lost their mark.`);
  transcript.statement("the guard has stopped packets, instead of letting them leak", drops > 0);
  await stateWays(fixture, from);
}

/** The guard alone is lost: the marks do their work, and it comes back. */
export async function showGuardDeleted(fixture: Fixture): Promise<void> {
  const { setup, topology } = fixture;
  await setup.transcript.heading(
    "Somebody deletes the guard: the marks stand, the guard comes back",
  );
  const from = await now(topology);
  await repaired(fixture, `nft delete table ${GUARD}`);
  await stateWays(fixture, from);
}

/** Marks and guard at once, where iptables is iptables-nft: what leaks until both are back is counted. */
export async function showRulesetFlushed(fixture: Fixture): Promise<void> {
  const { setup, topology } = fixture;
  const { transcript } = setup;
  await transcript.heading("Somebody flushes the whole ruleset: marks and guard come back");
  const from = await now(topology);
  await repaired(fixture, "nft flush ruleset");
  const to = await settled(fixture);
  const senders = [fixture.web, fixture.mail, fixture.plain];
  showArrivals(fixture, [from, to], senders);
  const leaked = [fixture.web, fixture.mail].map((pod) =>
    arrived([from, to], pod, topology.byDefault),
  );
  transcript.say(
    `Meanwhile ${leaked.join(" and ")} packets of web-0 and mail-0 left by gw-default: where the guard goes with the`,
    "marks, only a rule on a pool of the tenant's own can hold its pods back. Since then:",
  );
  await stateWays(fixture, to);
}

/** Does the damage, waits until the firewall is as it was, and says how long that took. */
async function repaired({ setup, topology: { node } }: Fixture, damage: string): Promise<void> {
  const { transcript, shell } = setup;
  const look = (): Promise<string> => node.must(["sh", "-ec", `${MARKED}; ${GUARDED}`]);
  const before = sorted(await look());
  const started = performance.now();
  await node.show(["sh", "-c", damage], { as: damage });
  const isBack = await shell.until(async () => sorted(await look()) === before, LIMIT_MS);
  const took = Math.round(performance.now() - started);
  transcript.statement("every mark and the guard are there again", isBack);
  transcript.say(`It took at most ${took} ms; no pod was restarted.`);
}

// What is put back may stand in another order.
function sorted(text: string): string {
  return text.split("\n").sort().join("\n");
}

/** What was on its way has arrived. */
async function settled(fixture: Fixture): Promise<Moment> {
  const { topology, web, mail, plain } = fixture;
  await flowing(fixture, await now(topology), [web, mail, plain]);
  return now(topology);
}

/** Packets that the guard has dropped so far; 0 without a guard. */
async function dropsOf({ topology: { node } }: Fixture): Promise<number> {
  const { stdout } = await node.run(["nft", "list", "counters", "table", ...GUARD.split(" ")]);
  return [...stdout.matchAll(/packets (\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
}
