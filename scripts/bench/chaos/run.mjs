// The chaos of `--chaos`: runs in the node's network namespace. Pods of two tenants come and go while programs
// are killed, rules flushed and links cut; then everything is left in peace, and what is there is compared.
// Argument: the plan as JSON (bench.mjs). Writes what it found to plan.output.
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { variantLabel } from "../kinds.mjs";
import { createStage } from "../stage.mjs";
import { growth } from "../statistics.mjs";
import { churn } from "./churn.mjs";
import { countedLeaks, startTraffic } from "./traffic.mjs";
import { keepAgent, makeTrouble } from "./trouble.mjs";
import { differences, leftOver, recordsBeyond, stateOf } from "./verify.mjs";
import { buildWorld } from "./world.mjs";

const SETTLE_MS = 60_000;
const MINUTE_MS = 60_000;
const SAMPLE_MS = 500;
/** Fewer samples of one agent's memory say nothing about its growth; and how much growth is still flat. */
const FEW = 120;
const FLAT = 0.15;

async function main(plan) {
  const stage = await createStage(plan);
  try {
    const report = stage.leftOut === undefined ? await chaos(stage) : stage;
    writeFileSync(plan.output, JSON.stringify({ variant: plan.variant, ...report }));
  } finally {
    stage.stop();
  }
}

async function chaos(stage) {
  const { plan } = stage;
  const world = buildWorld(stage);
  const run = {
    over: false,
    sparesAgent: false,
    events: {},
    findings: [],
    refusals: {},
    leakedAfter: {},
    live: new Map(),
  };
  run.note = (what) => (run.events[what] = (run.events[what] ?? 0) + 1);
  const agent = await keepAgent(world, run);
  const memory = [];
  const sampler = setInterval(() => {
    const pid = agent.pid();
    if (pid !== undefined) memory.push({ pid, ...agent.rss() });
  }, SAMPLE_MS);
  try {
    const workers = [churn(world, run), makeTrouble(world, run, agent)];
    for (let minute = 0; minute < plan.chaos; minute++) {
      run.sparesAgent = minute >= plan.chaos / 2;
      await sleep(MINUTE_MS);
      process.stderr.write(
        `${variantLabel(plan.variant)}, minute ${minute + 1} of ${plan.chaos}: ${JSON.stringify(run.events)}\n`,
      );
    }
    run.over = true;
    await Promise.all(workers);
    await agent.ensure();
    await settled(world, run, "after the chaos");
    const leaks = countedLeaks(world);
    run.findings.push(...leaked(leaks));
    await emptied(world, run);
    await agent.stop();
    run.findings.push(...leftOver(world), ...flatness(memory));
    const most = Math.max(...memory.map(({ all }) => all));
    if (process.env.BENCH_LOG !== undefined) writeFileSync(process.env.BENCH_LOG, agent.said());
    return { minutes: plan.chaos, ...run, live: undefined, leaks, memory: { most } };
  } finally {
    clearInterval(sampler);
    await agent.stop();
  }
}

/** Gives the agent time to put everything right, and then says what is not. */
async function settled(world, run, when) {
  const end = performance.now() + SETTLE_MS;
  let found = ["not looked at"];
  while (found.length > 0 && performance.now() < end) {
    await sleep(500);
    const state = stateOf(world);
    found = differences(state, run.live);
    if (found.length > 0) found.push(...recordsBeyond(world, state, run.live));
  }
  run.findings.push(...found.map((text) => `${when}: ${text}`));
}

async function emptied(world, run) {
  for (const [id, pod] of run.live) {
    startTraffic.stop(pod);
    await world.delUntilDone(pod.slot, id, run);
  }
  run.live.clear();
  await settled(world, run, "with all pods deleted");
}

function leaked(leaks) {
  return Object.entries(leaks)
    .filter(([, { own, wrong }]) => wrong > 0 || Number.isNaN(own + wrong))
    .map(([at, { wrong }]) => `${wrong} packets of somebody else's pods came to the ${at}`);
}

/** Of the agent that lived longest. */
function flatness(memory) {
  const pids = [...new Set(memory.map(({ pid }) => pid))];
  const series = pids.map((each) => memory.filter(({ pid }) => pid === each));
  const longest = series.sort((a, b) => b.length - a.length)[0] ?? [];
  const grown = growth(longest.map(({ anon }) => anon));
  if (longest.length < FEW || grown <= FLAT) return [];
  return [`one agent's own memory grew by ${(grown * 100).toFixed(0)} %`];
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.once(signal, () => process.exit(1));

try {
  await main(JSON.parse(process.argv[2]));
} catch (error) {
  process.stderr.write(`bench: ${error.stack}\n`);
  process.exitCode = 1;
}
