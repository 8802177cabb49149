/** `wrapper agent` as a process: its start in a network namespace, what it says, and its end. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { until } from "./shell";

export interface AgentStart {
  /** The network namespace of its node. */
  readonly netns: string;
  /** The packed binary. */
  readonly binary: string;
  /** The path of its configuration. */
  readonly conf: string;
  readonly args?: readonly string[];
  /** Shell text that runs before it, in a mount namespace of its own. */
  readonly wrap?: string;
}

export interface AgentProcess {
  readonly pid: number;
  /** What it has written to stderr so far. */
  stderr(): string;
  hasEnded(): boolean;
  /** Its exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts one. `ip netns exec` and the shell replace themselves by it, so the PID is the agent's. */
export function spawnAgent({ netns, binary, conf, args = [], wrap }: AgentStart): AgentProcess {
  const shell = wrap === undefined ? [] : ["/bin/sh", "-ec", `${wrap}\nexec "$@"`, "sh"];
  const command = ["netns", "exec", netns, ...shell, binary, "agent", "--conf", conf, ...args];
  const child = spawn("ip", command, {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: Buffer[] = [];
  child.stderr.on("data", (piece: Buffer) => said.push(piece));
  const ended = new Promise<number | string>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "?"));
  });
  return {
    pid: child.pid ?? 0,
    stderr: () => Buffer.concat(said).toString("utf8"),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    ended,
    kill: (signal) => void child.kill(signal),
  };
}

/** Waits until it listens on this socket. Throws with what it said when it ends instead. */
export async function untilItListens(agent: AgentProcess, socket: string): Promise<void> {
  await until("the agent listens", () => existsSync(socket) || agent.hasEnded());
  if (agent.hasEnded()) throw new Error(`the agent ended: ${agent.stderr()}`);
}

/** Ends it, whatever it is doing. */
export async function killAgent(agent: AgentProcess): Promise<void> {
  if (agent.hasEnded()) return;
  agent.kill("SIGKILL");
  await agent.ended;
}
