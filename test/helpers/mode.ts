/**
 * How the tests run the plugin: as the packed binary itself, or as the launcher, with an agent or without one
 * (TEST_MODE), and with which backend (TEST_BACKEND). scripts/test-modes.sh sets these variables.
 */
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { killAgent, spawnAgent, untilItListens, type AgentProcess } from "./agent-process";

const DIST = resolve(__dirname, "../../dist");
/** The name of the plugin, whichever program that is. */
const PLUGIN = "tenant-routing-wrapper";
const MODES = ["one-shot", "agent", "no-agent"] as const;

const BACKENDS = ["iptables", "nftables"] as const;

/** The mode of this run. */
export const MODE = oneOf(MODES, "TEST_MODE");

/** The backend of this run. */
export const BACKEND = oneOf(BACKENDS, "TEST_BACKEND");

/** What every configuration of this run has unless it says otherwise; iptables is what `auto` gives here. */
export const BACKEND_CONF = BACKEND === "nftables" ? { backend: BACKEND } : {};

/** `test` where the packed binary itself is the plugin, and nothing elsewhere: for what a launcher cannot show. */
export const oneShotTest: jest.It = MODE === "one-shot" ? test : absent();

/** `test` where the backend is iptables, and nothing elsewhere: for what is about its rules or programs. */
export const iptablesTest: jest.It = BACKEND === "iptables" ? test : absent();

function oneOf<T extends string>(values: readonly [T, ...T[]], variable: string): T {
  const text = process.env[variable] ?? values[0];
  const value = values.find((each) => each === text);
  if (value === undefined) throw new Error(`${variable} is ${text}: use ${values.join(", ")}`);
  return value;
}

// Not test.skip: under CI nothing may be skipped, and these tests run in their own mode.
function absent(): jest.It {
  const nothing = (() => undefined) as unknown as jest.It;
  return Object.assign(nothing, { each: () => () => undefined });
}

interface Agent {
  /** Tells a network namespace from the next one of its name. */
  readonly inode: number;
  readonly process: AgentProcess;
  /** Its socket, once it listens. */
  readonly listening: Promise<string>;
}

const agents = new Map<string, Agent>();
let root = "";

/** The plugin of this test file's modes, installed at its first use. */
function installed(): string {
  if (root !== "") return join(root, PLUGIN);
  root = mkdtempSync(join(tmpdir(), `trm-${process.pid}-`));
  return installLauncher(root);
}

/** Puts the launcher and the packed binary side by side, as an operator does; returns the launcher's path. */
export function installLauncher(dir: string): string {
  const plugin = join(dir, PLUGIN);
  copyFileSync(join(DIST, "tenant-routing-launcher"), plugin);
  try {
    linkSync(join(DIST, PLUGIN), `${plugin}.bin`);
  } catch {
    copyFileSync(join(DIST, PLUGIN), `${plugin}.bin`);
  }
  return plugin;
}

/** What a test starts in place of the packed binary, and the environment that goes with it. */
export interface Start {
  readonly plugin: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The plugin of this mode. `isPlain`: the run changes nothing of the plugin's surroundings that an agent
 * would not see; what does is run without one.
 */
export async function startOf(binary: string, netns: string, isPlain: boolean): Promise<Start> {
  if (MODE === "one-shot") return { plugin: binary, env: {} };
  const socket = MODE === "agent" && isPlain ? await agentIn(netns) : "";
  return { plugin: installed(), env: { TENANT_ROUTING_AGENT_SOCKET: socket } };
}

/** Ends the agents of this test file. */
export async function stopAgents(): Promise<void> {
  for (const netns of [...agents.keys()]) await stop(netns);
  if (root !== "") rmSync(root, { recursive: true, force: true });
  root = "";
}

async function agentIn(netns: string): Promise<string> {
  const { ino: inode } = statSync(`/run/netns/${netns}`);
  const known = agents.get(netns);
  if (known?.inode === inode && !known.process.hasEnded()) return known.listening;
  if (known !== undefined) await stop(netns);
  const agent = start(netns, inode);
  agents.set(netns, agent);
  return agent.listening;
}

function start(netns: string, inode: number): Agent {
  const dir = join(installed(), "..", `agent-${inode}`);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const socket = join(dir, "agent.sock");
  const conf = join(dir, "agent.conf");
  writeFileSync(conf, JSON.stringify(confOf(dir, socket)));
  const agent = spawnAgent({ netns, binary: `${installed()}.bin`, conf });
  return { inode, process: agent, listening: untilItListens(agent, socket).then(() => socket) };
}

function confOf(dir: string, socket: string): unknown {
  return {
    cniVersion: "1.0.0",
    name: "tr-mode",
    type: "tenant-routing-wrapper",
    capabilities: { "io.kubernetes.cri.pod-annotations": true },
    delegate: { type: "ok" },
    dataDir: dir,
    logFile: "",
    agent: { socket },
  };
}

async function stop(netns: string): Promise<void> {
  const agent = agents.get(netns);
  agents.delete(netns);
  if (agent !== undefined) await killAgent(agent.process);
}
