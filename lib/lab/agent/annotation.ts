/** The lab `agent` when the annotation of a running pod changes. Needs the agent's watch and its reconciler. */
import {
  announce,
  arrived,
  flowing,
  now,
  showArrivals,
  stateWays,
  type Fixture,
  type Sender,
} from "./fixture";
import { LIMIT_MS } from "../kit/agent/resident";
import type { Way } from "./topology";

/** From tenant A to tenant B, to a tenant that nobody has, and back. */
export async function showAnnotation(fixture: Fixture): Promise<void> {
  const { setup, topology, web } = fixture;
  const { transcript, shell } = setup;
  await transcript.heading("The annotation of a running pod changes: its packets change gateways");
  if (fixture.api === undefined)
    return transcript.say("Left out: without an API server annotations do not change.");
  await move(fixture, web, { tenant: "tenant-b", way: topology.b });
  const from = await now(topology);
  const told = fixture.agent.conditions(web.machine.spec.pod);
  await annotate(fixture, web, "tenant-x");
  const isTold = (): boolean => fixture.agent.conditions(web.machine.spec.pod) > told;
  transcript.statement(
    "a tenant that nobody has configured is reported",
    await shell.until(isTold, LIMIT_MS),
  );
  await stateWays(fixture, from);
  await move(fixture, web, { tenant: "tenant-a", way: topology.a });
}

/** Waits for the first packet at the new gateway; states that there was none at a third. */
async function move(
  fixture: Fixture,
  sender: Sender,
  { tenant, way }: { readonly tenant: string; readonly way: Way },
): Promise<void> {
  const { setup, topology } = fixture;
  const { transcript, shell } = setup;
  const old = sender.way;
  const from = await now(topology);
  const started = performance.now();
  await annotate(fixture, sender, tenant);
  const moved = await shell.until(
    async () => arrived([from, await now(topology)], sender, way) > 0,
    LIMIT_MS,
  );
  const took = Math.round(performance.now() - started);
  sender.way = way;
  transcript.statement(
    `its packets arrive at ${way.machine.name}; the pod was not restarted`,
    moved,
  );
  transcript.say(`It took at most ${took} ms.`);
  // Both families, and those that were on their way.
  await flowing(fixture, await now(topology), [sender]);
  const to = await now(topology);
  showArrivals(fixture, [from, to], [sender]);
  const third = [...to.keys()]
    .filter((each) => each !== old && each !== way)
    .reduce((sum, each) => sum + arrived([from, to], sender, each), 0);
  transcript.statement(`${third} of its packets came to a third gateway`, third === 0);
  transcript.say("Since then:");
  await stateWays(fixture, to);
}

async function annotate(
  { setup: { transcript }, api }: Fixture,
  { machine }: Sender,
  tenant: string,
): Promise<void> {
  await announce(api, machine, tenant);
  transcript.command(
    "api-server",
    `kubectl annotate --overwrite pod ${machine.spec.pod} tenant.routing/fwmark=${tenant}`,
  );
}
