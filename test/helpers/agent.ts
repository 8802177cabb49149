/** A real `wrapper agent` of the packed binary in a test's world. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnAgent, untilItListens, type AgentProcess } from "./agent-process";
import type { Conf } from "./conf";
import { ask, type Asking } from "./fake-launcher";
import { BINARY, environment, stdinOf, type RunOptions, type World } from "./harness";
import { parse, readCalls, type Outcome } from "./outcome";

export interface RunningAgent extends AgentProcess {
  readonly socket: string;
  /** Ends it with SIGTERM; returns the exit status, or the signal, once it has ended. */
  stop(): Promise<number | string>;
}

/**
 * Starts an agent for this configuration, and waits until it listens. `agent`: its own settings. `wrap`:
 * shell text that runs before it, in a mount namespace of its own.
 */
export async function startAgent(
  world: World,
  conf: Conf,
  agent: Conf = {},
  { wrap }: Pick<RunOptions, "wrap"> = {},
): Promise<RunningAgent> {
  const directory = join(world.dir, "run");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const socket = join(directory, "agent.sock");
  const file = join(world.dir, "agent.conf");
  const { dataDir, logFile } = world;
  writeFileSync(file, JSON.stringify({ dataDir, logFile, ...conf, agent: { socket, ...agent } }));
  const running = spawnAgent({
    netns: world.netns,
    binary: BINARY,
    conf: file,
    ...(wrap && { wrap }),
  });
  await untilItListens(running, socket);
  return {
    ...running,
    socket,
    stop: async () => {
      running.kill("SIGTERM");
      return running.ended;
    },
  };
}

/** world.run() by way of the agent: the delegate runs in this process's network namespace. */
export async function runByAgent(
  world: World,
  { socket }: Pick<RunningAgent, "socket">,
  verb: string,
  options: Pick<RunOptions, "conf" | "env" | "id" | "ip" | "after" | "netns"> &
    Pick<Asking, "exec" | "deliveryErrno"> = {},
): Promise<Outcome> {
  const id = options.id ?? options.after?.id ?? world.newId();
  const calls = mkdtempSync(join(world.dir, "calls/run-"));
  const started = performance.now();
  const { exec, deliveryErrno, ...run } = { ...options, id };
  const env = environment(world, verb, calls, run);
  const { status, stdout, stderr } = await ask({
    socket,
    env,
    stdin: stdinOf(world, run),
    ...(exec && { exec }),
    ...(deliveryErrno !== undefined && { deliveryErrno }),
  });
  return {
    id,
    exit: status,
    signal: null,
    stdout,
    stderr,
    ms: performance.now() - started,
    maxRssMiB: Number.NaN,
    calls: readCalls(calls),
    json: parse(stdout),
  };
}
