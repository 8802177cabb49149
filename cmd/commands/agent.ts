/** `wrapper agent`: the resident process that answers launchers and keeps the node as it should be. */
import { createJournal } from "../../lib/attachment/journal";
import { createEvents } from "../../lib/agent/page/events";
import { systemClock } from "../../lib/node/clock";
import { asOnlyOne, createLocks } from "../../lib/node/lock";
import type { PluginConf } from "../../conf/types";
import { startAgent } from "../agent/agent";
import { keepMemorySmall } from "../agent/memory";
import { keepAnswering } from "../agent/priority";
import { createSay } from "../agent/say";
import { openSettings } from "../agent/settings";
import { outputFormat, type RunCommand } from "../command";
import { muteNode } from "../node-debug";

/** How long a new agent waits for one that is just ending (ms). */
const TAKEOVER_MS = 5000;

/** Runs until SIGTERM or SIGINT, then lets requests that are under way end. Returns 0. */
export const agentCommand: RunCommand = async (io, _positionals, values) => {
  muteNode();
  keepMemorySmall();
  keepAnswering();
  const json = outputFormat(values) === "json";
  const events = createEvents(systemClock);
  const say = createSay(io, json, ({ event, ...line }) => events.add({ kind: event, ...line }));
  const settings = openSettings(values.conf, say);
  const { conf, warnings, path } = settings.current();
  for (const warning of warnings) say({ event: "condition", message: `${path}: ${warning}` });
  createJournal(conf.dataDir).prepare();
  const stopped = stopSignal();
  process.on("SIGHUP", () => settings.reload());
  const agent = await alone(conf, async () => {
    const sysctl = values.sysctl === true;
    const { conf: named } = values;
    const running = await startAgent(settings, { io, json, sysctl, say, events, named });
    say({ event: "start", message: `listening on ${conf.agent.socket}` });
    await stopped;
    await running.stop();
    return running;
  });
  await agent.drained();
  settings.stop();
  say({ event: "stop", message: "stopped; every request that was taken has its answer" });
  return 0;
};

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve());
  });
}

/** Runs the body as the node's only agent. Throws CniError `tryAgainLater` when there is another one. */
function alone<T>({ dataDir }: PluginConf, body: () => Promise<T>): Promise<T> {
  const locks = createLocks(dataDir);
  return asOnlyOne(
    (held) => locks.hold(["agent"], TAKEOVER_MS, held),
    body,
    `another agent is at work on this node (it holds the lock "agent" in ${dataDir}/queue): stop it first`,
  );
}
