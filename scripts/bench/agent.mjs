// The launcher and the agent of the measured binary: installed side by side, started, and watched from outside.
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const START_MS = 30_000;
const TICK_MS = 10;
const NS_PER_MS = 1e6;
/** Quiet for so long: what a request or a change has caused is over (ms). */
const QUIET_MS = 60;
const SETTLE_MS = 10_000;

/** Puts both where an operator would; returns the launcher's path. Undefined where there is no launcher. */
export function installLauncher(dir, { launcher, binary }) {
  if (!existsSync(launcher)) return undefined;
  mkdirSync(dir, { recursive: true });
  const path = join(dir, "tenant-routing-wrapper");
  copyFileSync(launcher, path);
  try {
    linkSync(binary, `${path}.bin`);
  } catch {
    copyFileSync(binary, `${path}.bin`);
  }
  return path;
}

/** Starts `wrapper agent` of that launcher's binary with the text `conf` as its conflist; it listens when this resolves. */
export async function startAgent({ launcher, socket, conf }) {
  mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
  const file = join(dirname(socket), "agent.conf");
  writeFileSync(file, conf);
  const child = spawn(`${launcher}.bin`, ["agent", "--conf", file], {
    env: { PATH: process.env.PATH },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = [];
  child.stderr.on("data", (text) => said.push(String(text)) > 200 && said.shift());
  const kill = () => void child.kill("SIGKILL");
  process.once("exit", kill);
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  for (const end = performance.now() + START_MS; !said.join("").includes("listening");) {
    if (isOver() || performance.now() > end)
      throw new Error(`the agent did not start: ${said.join("")}`);
    await sleep(10);
  }
  return {
    pid: child.pid,
    socket,
    said: () => said.join(""),
    isOver,
    cpu: () => cpuOf(child.pid),
    rss: () => rssOf(child.pid),
    settle: () => settle(child.pid),
    signal: (name) => void child.kill(name),
    stop: async (signal = "SIGTERM") => {
      process.removeListener("exit", kill);
      if (isOver()) return;
      const ended = new Promise((done) => child.once("exit", done));
      child.kill(signal);
      await ended;
    },
  };
}

/** Waits until the agent and its children do nothing, at most ten seconds. */
async function settle(pid) {
  const end = performance.now() + SETTLE_MS;
  let [cpu, since] = [cpuOf(pid), performance.now()];
  while (performance.now() < end && performance.now() - since < QUIET_MS) {
    await sleep(5);
    const now = cpuOf(pid);
    if (now - cpu > 0.3) [cpu, since] = [now, performance.now()];
  }
}

/** Processor time (ms) of the process, of all below it, and of those of its children that have ended. */
function cpuOf(pid) {
  return tree(pid).reduce((sum, each) => sum + ownCpu(each) + endedCpu(each), 0);
}

/**
 * Memory (MB). `all`: resident, of the process and all below it, the mapped parts of the binary included, which
 * the kernel may drop and shares between processes; `anon`: without those; `own`: `anon` of the agent's process
 * alone; `largest`: resident, of the largest. `shared`: each page divided among those that map it (PSS).
 */
function rssOf(pid) {
  const sizes = tree(pid).map((each) => {
    const status = read(`/proc/${each}/status`);
    const rollup = read(`/proc/${each}/smaps_rollup`);
    return {
      all: megabytes(status, "VmRSS"),
      anon: megabytes(status, "RssAnon"),
      shared: megabytes(rollup, "Pss"),
    };
  });
  const sum = (key) => sizes.reduce((total, size) => total + size[key], 0);
  return {
    all: sum("all"),
    anon: sum("anon"),
    shared: sum("shared"),
    own: sizes[0].anon,
    largest: Math.max(0, ...sizes.map(({ all }) => all)),
  };
}

function megabytes(text, name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0) / 1024;
}

function tree(pid) {
  const children = tasks(pid).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).split(" ").filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => tree(Number(child)))];
}

// Nanoseconds, where /proc/PID/stat has steps of 10 ms.
function ownCpu(pid) {
  return tasks(pid).reduce(
    (sum, task) =>
      sum + Number(read(`/proc/${pid}/task/${task}/schedstat`).split(" ")[0]) / NS_PER_MS,
    0,
  );
}

function endedCpu(pid) {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) * TICK_MS;
}

function tasks(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

// It may have ended just now.
function read(path) {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
