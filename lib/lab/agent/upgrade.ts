/** The lab `agent` while its agent is replaced by another version. */
import type { Setup } from "../kit/lab";
import { createRuntime, type CniRan, type Pod } from "../kit/runtime";
import { announce, MARK, now, stateWays, type Fixture } from "./fixture";
import { LIMIT_MS, startAgent } from "../kit/agent/resident";

const WORKERS = 3;
/** Requests before the old agent is told to stop, and after the new one listens, at least. */
const AROUND = 6;

/** Pods come and go all the time; the old agent ends when the new one waits already. */
export async function showUpgrade(fixture: Fixture): Promise<void> {
  const { setup, topology, conflist, agent: old } = fixture;
  const { transcript, shell } = setup;
  await transcript.heading("The agent is upgraded while pods come and go: no request fails");
  const from = await now(topology);
  const churn = await startChurn(fixture);
  await shell.until(() => churn.ran.length >= AROUND, LIMIT_MS);
  const next = await startAgent(setup, topology.node, conflist, "agent-3");
  const asked = performance.now();
  old.signal("SIGTERM");
  transcript.command(topology.node.name, "kill -TERM $agent-2");
  await next.listening();
  const took = Math.round(performance.now() - asked);
  const until = churn.ran.length + AROUND;
  await shell.until(() => churn.ran.length >= until, LIMIT_MS);
  await churn.stop();
  fixture.agent = next;
  transcript.statement(
    "the old agent has ended by itself, with an answer for all who asked it",
    (await old.ended()) && old.said("stop"),
  );
  const failed = churn.ran.filter(({ ok }) => !ok);
  transcript.statement(
    `${churn.ran.length} requests, ${failed.length} failed${failed.map(({ output }) => `: ${output}`).join("")}`,
    failed.length === 0 && churn.ran.length >= 2 * AROUND,
  );
  transcript.say(`Between the signal and the new agent's first answer there were ${took} ms.`);
  await stateWays(fixture, from);
}

interface Churn {
  /** Every request that has its answer. */
  readonly ran: readonly CniRan[];
  /** Lets each worker end its pod's life. */
  stop(): Promise<void>;
}

async function startChurn({ setup, topology, conflist, api }: Fixture): Promise<Churn> {
  const runtime = createRuntime(silent(setup), topology.node, conflist);
  setup.transcript.say(`${WORKERS} workers add and delete a pod each, one after the other.`);
  const ran: CniRan[] = [];
  let stopped = false;
  const live = async (pod: Pod): Promise<void> => {
    while (!stopped) ran.push(await runtime.add(pod), await runtime.del(pod));
  };
  const workers: Promise<void>[] = [];
  for (let at = 0; at < WORKERS; at += 1) {
    const pod = await runtime.sandbox({
      pod: `team-a/churn-${at}`,
      annotations: { [MARK]: "tenant-a" },
    });
    await announce(api, pod, "tenant-a");
    workers.push(live(pod));
  }
  return {
    ran,
    stop: async () => {
      stopped = true;
      await Promise.all(workers);
    },
  };
}

/** The commands of workers would fill pages. */
function silent(setup: Setup): Setup {
  return { ...setup, transcript: { ...setup.transcript, command: () => undefined } };
}
