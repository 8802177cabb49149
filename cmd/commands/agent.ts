/** `wrapper agent`: the resident process that answers launchers and keeps the node as it should be. */
import { CniError } from "../../lib/cni/error";
import { createJournal } from "../../lib/attachment/journal";
import { createExec } from "../../lib/node/exec";
import { createLocks } from "../../lib/node/lock";
import { ownProcess } from "../../lib/node/processes";
import { createQueue } from "../../lib/agent/queue";
import { startServer, type AgentServer } from "../../lib/agent/server";
import type { PluginConf } from "../../conf/types";
import { newRunner } from "../backends";
import { createNodes } from "../agent/nodes";
import { serveRequest } from "../agent/requests";
import { startReconcile } from "../agent/reconcile";
import { startRoutes } from "../agent/routes";
import { createSay, type Say } from "../agent/say";
import { openSettings, type Settings } from "../agent/settings";
import { outputFormat, type RunCommand } from "../command";
import { nextRequest } from "../deps";
import type { Io } from "../io";
import { createLog } from "../log";
import { muteNode } from "../node-debug";

/** How long a new agent waits for one that is just ending (ms). */
const TAKEOVER_MS = 5000;

/** Runs until SIGTERM or SIGINT, then lets requests that are under way end. Returns 0. */
export const agentCommand: RunCommand = async (io, _positionals, values) => {
  muteNode();
  const json = outputFormat(values) === "json";
  const say = createSay(io, json);
  const settings = openSettings(values.conf, say);
  const { conf, warnings, path } = settings.current();
  for (const warning of warnings) say({ event: "condition", message: `${path}: ${warning}` });
  createJournal(conf.dataDir).prepare();
  const stopped = stopSignal();
  process.on("SIGHUP", () => settings.reload());
  const server = await alone(conf, async () => {
    const started = await listen(settings, io, say);
    const sysctl = values.sysctl === true;
    const routes = startRoutes(settings, { io, json, sysctl, say });
    const reconcile = startReconcile(settings, { io, log: createLog(conf, io.stderr), say });
    say({ event: "start", message: `listening on ${conf.agent.socket}` });
    await stopped;
    started.close();
    await Promise.all([routes.stop(), reconcile.stop()]);
    return started;
  });
  await server.drained();
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
async function alone<T>(conf: PluginConf, body: () => Promise<T>): Promise<T> {
  let started = false;
  try {
    return await createLocks(conf.dataDir).hold(["agent"], TAKEOVER_MS, () => {
      started = true;
      return body();
    });
  } catch (thrown) {
    if (started) throw thrown;
    throw new CniError(
      "tryAgainLater",
      `another agent is at work on this node (it holds the lock "agent" in ${conf.dataDir}/queue): stop it first`,
      { cause: thrown },
    );
  }
}

function listen(settings: Settings, io: Io, say: Say): Promise<AgentServer> {
  const conf = (): PluginConf => settings.current().conf;
  const queue = createQueue(() => {
    const { requests: slots, queueTimeoutMs: limitMs } = conf().agent;
    return { slots, limitMs };
  });
  const runner = newRunner(conf(), { exec: createExec() });
  const openNode = createNodes(createLog(conf(), io.stderr), () => undefined, { runner });
  const { pid, startTime } = ownProcess();
  return startServer({
    path: conf().agent.socket,
    nextToken: () => `${pid} ${startTime} ${nextRequest()}`,
    localExec: createExec(),
    serve: (launcher, token) =>
      serveRequest(launcher, token.split(" ")[2] ?? "", {
        queue,
        openNode,
        onOutcome: () => {},
      }),
    onGarbage: ({ message }) => say({ event: "condition", message }),
  });
}
