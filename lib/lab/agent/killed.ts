/** The lab `agent` while its agent is dead: pods come and go without it. */
import { watch } from "node:fs";
import { addSender, MARK, now, removeSender, stateWays, type Fixture } from "./fixture";
import { answers, startAgent } from "../kit/agent/resident";

/** SIGKILL while an ADD is under way. */
export async function showKilled(fixture: Fixture): Promise<void> {
  const { setup, topology, runtime } = fixture;
  const { transcript, agentSocket = "", dir } = setup;
  await transcript.heading(
    "The agent is killed while it works on an ADD: pods go on coming and going",
  );
  const from = await now(topology);
  const half = await runtime.sandbox({ pod: "team-a/half-0", annotations: { [MARK]: "tenant-a" } });
  const begun = firstChange(`${dir}/state`);
  const adding = addSender(fixture, half, topology.a);
  await Promise.race([begun.seen, adding]);
  begun.stop();
  fixture.agent.signal("SIGKILL");
  transcript.command(topology.node.name, "kill -KILL $agent   (while half-0 is being added)");
  const halfSender = await adding;
  transcript.statement(
    "the ADD that was under way succeeds: the launcher becomes the packed binary",
    halfSender !== undefined,
  );
  transcript.statement(
    "the agent is dead, and its socket deaf",
    (await fixture.agent.ended()) && !(await answers(agentSocket)),
  );
  const alone = await runtime.sandbox({
    pod: "team-b/alone-0",
    annotations: { [MARK]: "tenant-b" },
  });
  const aloneSender = await addSender(fixture, alone, topology.b);
  transcript.statement("without an agent a pod is added", aloneSender !== undefined);
  if (halfSender === undefined || aloneSender === undefined) return;
  await stateWays(fixture, from, [
    fixture.web,
    fixture.mail,
    fixture.plain,
    halfSender,
    aloneSender,
  ]);
  transcript.statement(
    "without an agent a pod is deleted, one that the agent had begun",
    await removeSender(fixture, halfSender),
  );
  await bringBack(fixture);
  transcript.statement(
    "it deletes the pod that was added without it",
    await removeSender(fixture, aloneSender),
  );
  await stateWays(fixture, from, undefined, [halfSender, aloneSender]);
}

async function bringBack(fixture: Fixture): Promise<void> {
  const { setup, topology, conflist } = fixture;
  const { transcript, agentSocket = "" } = setup;
  const started = performance.now();
  fixture.agent = await startAgent(setup, topology.node, conflist, "agent-2");
  await fixture.agent.listening();
  const back = await answers(agentSocket);
  transcript.statement("a new agent listens at the same place", back);
  transcript.say(`It took ${Math.round(performance.now() - started)} ms to start.`);
}

function firstChange(path: string): { readonly seen: Promise<void>; stop(): void } {
  const watcher = watch(path);
  return {
    seen: new Promise((resolve) => watcher.once("change", () => resolve())),
    stop: () => watcher.close(),
  };
}
