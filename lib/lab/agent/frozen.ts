/** The lab `agent` while its agent is frozen, and when it wakes up. */
import { answers, LIMIT_MS } from "../kit/agent/resident";
import { leftBehind } from "../kit/runtime";
import { addSender, MARK, now, removeSender, stateWays, type Fixture } from "./fixture";

/** SIGSTOP, then SIGCONT: what it was asked while it slept must not happen. */
export async function showFrozen(fixture: Fixture): Promise<void> {
  const { setup, topology, runtime, agent } = fixture;
  const { transcript } = setup;
  await transcript.heading("The agent freezes: ADD and DEL go on without it");
  const gone = await runtime.sandbox({ pod: "team-b/gone-0", annotations: { [MARK]: "tenant-b" } });
  const goneSender = await addSender(fixture, gone, topology.b);
  transcript.statement("a pod is added while the agent is well", goneSender !== undefined);
  if (goneSender === undefined) return;
  const from = await now(topology);
  agent.signal("SIGSTOP");
  transcript.command(topology.node.name, "kill -STOP $agent");
  const started = performance.now();
  transcript.statement(
    "the pod that the agent added is deleted",
    await removeSender(fixture, goneSender),
  );
  const cold = await runtime.sandbox({ pod: "team-a/cold-0", annotations: { [MARK]: "tenant-a" } });
  const coldSender = await addSender(fixture, cold, topology.a);
  transcript.statement("another pod is added", coldSender !== undefined);
  transcript.say(
    `Both took ${Math.round(performance.now() - started)} ms: a launcher gives an agent a second to say hello.`,
  );
  if (coldSender === undefined) return;
  await stateWays(fixture, from, [fixture.web, fixture.mail, fixture.plain, coldSender]);
  await showAwake(fixture);
  transcript.statement(
    "it deletes the pod that was added while it slept",
    await removeSender(fixture, coldSender),
  );
  await stateWays(fixture, from, undefined, [goneSender, coldSender]);
}

async function showAwake(fixture: Fixture): Promise<void> {
  const { setup, topology, agent } = fixture;
  const { transcript, shell, agentSocket = "" } = setup;
  const before = await leftBehind(fixture.setup, fixture.topology.node);
  agent.signal("SIGCONT");
  transcript.command(topology.node.name, "kill -CONT $agent");
  const awake = await shell.until(() => answers(agentSocket), LIMIT_MS);
  transcript.statement("the agent answers again, all who had asked before have been heard", awake);
  transcript.statement(
    "nothing that it was asked while it slept has happened: rules, links, leases and records are the same",
    (await leftBehind(fixture.setup, fixture.topology.node)) === before,
  );
}
