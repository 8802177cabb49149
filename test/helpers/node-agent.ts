/** `wrapper agent` as a process of a test on a node: what it says, and its end. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { killAgent, spawnAgent, type AgentProcess } from "./agent-process";
import { BINARY } from "./harness";
import type { Conflist } from "./node-runtime";
import type { NodeWorld } from "./node-world";
import { until } from "./shell";

export interface AgentLine {
  readonly event: string;
  readonly message: string;
}

export interface Agent {
  readonly pid: number;
  /** Everything that it has said so far. */
  said(): readonly AgentLine[];
  /** Waits until it has said something like this. */
  says(event: string, words: string | RegExp): Promise<void>;
  /** Waits until this is so. */
  sees(what: string, condition: () => boolean): Promise<void>;
  /** Command lines of its children that run now. */
  children(): readonly string[];
  signal(name: NodeJS.Signals): void;
  /** Its exit status, or the signal that ended it. */
  ended(): Promise<number | string>;
}

export interface Agents {
  /** Writes the conflist and starts an agent that uses it; returns when it listens. */
  start(list: Conflist): Promise<Agent>;
  /** The same without waiting. */
  launch(list: Conflist): Agent;
  /** Replaces the conflist of the agents. */
  write(list: Conflist): void;
  /** Where they listen. */
  socket(): string;
}

/** Agents of the node, killed after every test. */
export function useAgents(world: NodeWorld): Agents {
  const running: AgentProcess[] = [];
  afterEach(async () => {
    await Promise.all(running.splice(0).map(killAgent));
  });
  const file = (): string => join(world.dir, "agent.conflist");
  const socket = (): string => join(world.dir, "agent.sock");
  const write = (list: Conflist): void => {
    const agent = { socket: socket() };
    const plugins = list.plugins.map((plugin) => ({
      ...plugin,
      agent: { ...agent, ...(plugin["agent"] as object | undefined) },
    }));
    writeFileSync(file(), JSON.stringify({ ...list, plugins }));
  };
  const launch = (list: Conflist): Agent => {
    write(list);
    const child = spawnAgent({
      netns: world.netns,
      binary: BINARY,
      conf: file(),
      args: ["--output", "json"],
    });
    running.push(child);
    return agentOf(child);
  };
  return {
    write,
    launch,
    socket,
    start: async (list) => {
      const agent = launch(list);
      await agent.says("start", "listening");
      return agent;
    },
  };
}

function agentOf(child: AgentProcess): Agent {
  const said = (): readonly AgentLine[] =>
    child
      .stderr()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as AgentLine);
  const sees = async (what: string, condition: () => boolean): Promise<void> => {
    await until(`${what}; the agent said:\n${child.stderr()}`, condition);
  };
  return {
    pid: child.pid,
    said,
    sees,
    says: (event, words) =>
      sees(`${event}: ${String(words)}`, () =>
        said().some(
          (line) =>
            line.event === event &&
            (typeof words === "string" ? line.message.includes(words) : words.test(line.message)),
        ),
      ),
    children: () =>
      readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")
        .split(" ")
        .filter((pid) => pid !== "")
        .map((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()),
    signal: (name) => child.kill(name),
    ended: () => child.ended,
  };
}
