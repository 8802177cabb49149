// What happens to the node meanwhile.
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { countedLeaks } from "./traffic.mjs";
import { TENANTS } from "./world.mjs";

const MOST_PAUSE_MS = 1500;
const MOST_ABSENT_MS = 2000;
const SHORT_FREEZE_MS = 500;
/** Longer than the launcher waits for a sign of life (10 s). */
const LONG_FREEZE_MS = 13_000;
const MOST_FLAP_MS = 800;

/** One agent after the other: a new one wherever the last has gone. */
export async function keepAgent(world, run) {
  let agent = await world.startAgent();
  const start = async () => {
    agent = await world.startAgent();
  };
  return {
    pid: () => (agent.isOver() ? undefined : agent.pid),
    rss: () => agent.rss(),
    said: () => agent.said(),
    signal: (name) => agent.signal(name),
    stop: () => agent.stop(),
    kill: async () => agent.stop("SIGKILL"),
    start,
    ensure: async () => {
      if (!agent.isOver()) return;
      run.findings.push(`the agent ended by itself: ${agent.said().slice(-500)}`);
      await start();
    },
  };
}

/** Flushes come twice as often: they are what happens on real nodes. */
const TROUBLES = { kill: [killAgent], freeze: [freezeAgent], flush: [flush, flush], flap: [flap] };

/**
 * Runs until run.over; from run.sparesAgent on, no agent is killed, so that one lives long enough to see what
 * becomes of its memory. Counts what leaked while each kind of trouble, and the time after it, lasted. */
export async function makeTrouble(world, run, agent) {
  const all = world.plan.troubles.flatMap((name) => TROUBLES[name] ?? []);
  let leaked = 0;
  while (!run.over) {
    const troubles = run.sparesAgent ? all.filter((trouble) => trouble !== killAgent) : all;
    const trouble = troubles[Math.floor(Math.random() * troubles.length)];
    const what = (await trouble?.(world, agent)) ?? "no trouble";
    run.note(what);
    await sleep(SHORT_FREEZE_MS + Math.random() * MOST_PAUSE_MS);
    await agent.ensure();
    const now = allLeaks(world);
    if (now > leaked) run.leakedAfter[what] = (run.leakedAfter[what] ?? 0) + now - leaked;
    leaked = now;
  }
}

function allLeaks(world) {
  return Object.values(countedLeaks(world)).reduce((sum, { wrong }) => sum + wrong, 0);
}

async function killAgent(_world, agent) {
  await agent.kill();
  await sleep(Math.random() * MOST_ABSENT_MS);
  await agent.start();
  return "agent killed";
}

async function freezeAgent(_world, agent) {
  agent.signal("SIGSTOP");
  const isLong = Math.random() < 0.2;
  await sleep(isLong ? LONG_FREEZE_MS : Math.random() * SHORT_FREEZE_MS);
  agent.signal("SIGCONT");
  return isLong ? "agent frozen for long" : "agent frozen";
}

async function flush({ tables }) {
  try {
    tables.flush();
    return "flush";
  } catch {
    // The table is not there just now.
    return "nothing to flush";
  }
}

async function flap() {
  const { link } = TENANTS[Math.floor(Math.random() * TENANTS.length)];
  spawnSync("ip", ["link", "set", link, "down"]);
  await sleep(Math.random() * MOST_FLAP_MS);
  spawnSync("ip", ["link", "set", link, "up"]);
  return "link flap";
}
