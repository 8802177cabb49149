/** `wrapper agent`: the resident process that answers launchers. */
import { CniError } from "../../lib/cni/error";
import { createJournal } from "../../lib/attachment/journal";
import { createExec } from "../../lib/node/exec";
import { createLocks } from "../../lib/node/lock";
import { ownProcess } from "../../lib/node/processes";
import { createQueue } from "../../lib/agent/queue";
import { startServer, type AgentServer } from "../../lib/agent/server";
import type { PluginConf } from "../../conf/types";
import { createNodes } from "../agent/nodes";
import { serveRequest } from "../agent/requests";
import type { RunCommand } from "../command";
import { findConf } from "../conflist";
import { nextRequest } from "../deps";
import type { Io } from "../io";
import { createLog } from "../log";
import { muteNode } from "../node-debug";

/** How long a new agent waits for one that is just ending (ms). */
const TAKEOVER_MS = 5000;

/** Runs until SIGTERM or SIGINT, then lets requests that are under way end. Returns 0. */
export const agentCommand: RunCommand = async (io, _positionals, values) => {
  muteNode();
  const { conf } = findConf(values.conf);
  const stop = stopSignal();
  createJournal(conf.dataDir).prepare();
  const server = await alone(conf, async () => {
    const started = await listen(conf, io);
    io.stderr(`agent: listening on ${conf.agent.socket}\n`);
    await stop;
    started.close();
    return started;
  });
  await server.drained();
  io.stderr("agent: stopped\n");
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

function listen(conf: PluginConf, io: Io): Promise<AgentServer> {
  const queue = createQueue(() => ({
    slots: conf.agent.requests,
    limitMs: conf.agent.queueTimeoutMs,
  }));
  const openNode = createNodes(createLog(conf, io.stderr), () => undefined);
  const { pid, startTime } = ownProcess();
  return startServer({
    path: conf.agent.socket,
    nextToken: () => `${pid} ${startTime} ${nextRequest()}`,
    localExec: createExec(),
    serve: (launcher, token) =>
      serveRequest(launcher, token.split(" ")[2] ?? "", {
        queue,
        openNode,
        onOutcome: () => {},
      }),
    onGarbage: (error) => io.stderr(`agent: ${error.message}\n`),
  });
}
