/** A real `wrapper agent` of the packed binary in a test's world. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Conf } from "./conf";
import { ask, type Asking } from "./fake-launcher";
import { BINARY, environment, stdinOf, type RunOptions, type World } from "./harness";
import { parse, readCalls, type Outcome } from "./outcome";

/** How long an agent may take to listen, or to end (ms). */
const LIMIT_MS = 30_000;

export interface RunningAgent {
  readonly socket: string;
  readonly pid: number;
  /** What it has written to stderr so far. */
  stderr(): string;
  /** Ends it with SIGTERM; returns the exit status once it has ended. */
  stop(): Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts an agent for this configuration, and waits until it listens. `agent`: its own settings. `wrap`:
 * shell text that runs before it, in a mount namespace of its own.
 */
export async function startAgent(
  world: World,
  conf: Conf,
  agent: Conf = {},
  { wrap = "" }: Pick<RunOptions, "wrap"> = {},
): Promise<RunningAgent> {
  const directory = join(world.dir, "run");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const socket = join(directory, "agent.sock");
  const file = join(world.dir, "agent.conf");
  const { dataDir, logFile } = world;
  writeFileSync(file, JSON.stringify({ dataDir, logFile, ...conf, agent: { socket, ...agent } }));
  const shell = ["/bin/sh", "-ec", `${wrap}\nexec "$@"`, "sh"];
  const command = ["netns", "exec", world.netns, ...shell, BINARY, "agent", "--conf", file];
  const child = spawn("ip", command, {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const running = follow(child, socket);
  await poll(() => existsSync(socket) || child.exitCode !== null, running.stderr);
  if (child.exitCode !== null) throw new Error(`the agent ended: ${running.stderr()}`);
  return running;
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

function follow(child: ChildProcess, socket: string): RunningAgent {
  const said: Buffer[] = [];
  child.stderr?.on("data", (piece: Buffer) => said.push(piece));
  const stderr = (): string => Buffer.concat(said).toString("utf8");
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    socket,
    pid: child.pid ?? 0,
    stderr,
    kill: (signal) => void child.kill(signal),
    stop: async () => {
      child.kill("SIGTERM");
      await poll(hasEnded, stderr);
      return child.exitCode;
    },
  };
}

async function poll(condition: () => boolean, stderr: () => string): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`the agent takes too long: ${stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
