/** The end of the lab `agent`: pods, agent and routes go, and the node is as it was. */
import { leftBehind } from "../kit/runtime";
import { RULES, type Fixture } from "./fixture";

/** The node without anything of ours. */
export interface Untouched {
  readonly rules: string;
}

/** Every DEL, the agent's end, and what is left after them. */
export async function showRemoval(fixture: Fixture, untouched: Untouched): Promise<void> {
  const { setup, topology, conflist, runtime, agent } = fixture;
  const { transcript, wrapper } = setup;
  const { node } = topology;
  await transcript.heading("The pods are deleted, the agent ends, the node routes are removed");
  for (const { machine } of [fixture.web, fixture.mail, fixture.plain]) {
    const { ok } = await runtime.del(machine);
    transcript.statement(`DEL of ${machine.spec.pod} succeeds`, ok);
  }
  const rest = await leftBehind(fixture.setup, fixture.topology.node);
  transcript.statement(
    "no rule, link, lease or record of a pod is left",
    !/tenant-routing|team-|veth|10\.200\.|fd00:200:|\.json/.test(rest),
  );
  agent.signal("SIGTERM");
  transcript.command(node.name, "kill -TERM $agent");
  const ended = (await agent.ended()) && agent.said("stop");
  transcript.statement("the agent has ended by itself", ended);
  const socket = await node.run(["test", "-e", setup.agentSocket ?? ""]);
  transcript.statement("its socket is gone", socket.status === 1);
  await wrapper(node, ["routes", "remove", "--conf", conflist], { silent: true });
  const left = await node.show(["sh", "-c", RULES], { as: RULES });
  transcript.statement("the node's own rules are as before", left.stdout === untouched.rules);
}
