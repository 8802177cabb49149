// How long the agent takes to put right what others undid, and what an annotation says: seen from outside,
// by looking at the kernel's tables again and again. A figure is at most one look too high.
import { setTimeout as sleep } from "node:timers/promises";
import { add, del, MARKED } from "./cni.mjs";
import { variantLabel } from "./kinds.mjs";
import { populate } from "./populate.mjs";
import { median } from "./statistics.mjs";

/** An agent that has not done it by then does not do it (ms). */
const PATIENCE_MS = 15_000;
const LOOK_EVERY_MS = 1;
const PAUSE_MS = 300;
/** Time after which the agent's looks of the last round are forgotten, in times of that round. */
const PAUSE_FACTOR = 6;
/** One look at more of them takes longer than a repair. */
const MOST_PODS = 1000;

/** For each number of pods on the node: [{ what, pods, median, longest, look }] in ms; `look`: how long one look takes. */
export async function measureRepairs(stage) {
  const { plan, plugins } = stage;
  if (plugins.agent === undefined) return [];
  const rows = [];
  for (const pods of plan.pods.filter((count) => count <= MOST_PODS))
    for (const kind of [flushes, annotations]) {
      process.stderr.write(`${variantLabel(plan.variant)}, ${pods} pods, ${kind.name} ...\n`);
      const row = await onNode(stage, pods, kind);
      if (row === undefined) leaveOut(`${kind.name}: this agent does nothing about them`);
      else rows.push({ what: kind.what, pods, ...row });
    }
  return rows;
}

/** With an agent, and with one more pod than `pods`: the one that the API server knows. */
async function onNode(stage, pods, kind) {
  const { plugins, api } = stage;
  await populate(stage.pattern, pods, stage);
  const agent = await stage.startAgent();
  try {
    const attached = add(plugins.agentApi);
    try {
      return await measureKind(stage, agent, kind(stage));
    } finally {
      await api.annotate(MARKED, "tenant-a");
      await agent.settle();
      del(plugins.agentApi, attached);
    }
  } finally {
    await agent.stop();
  }
}

function flushes({ tables }) {
  const wanted = tables.count();
  return { disturb: () => tables.flush(), isRight: () => tables.count() === wanted };
}
flushes.what = "flush repaired";

function annotations({ tables, api }) {
  let value = "tenant-a";
  return {
    disturb: () => api.annotate(MARKED, (value = value === "tenant-a" ? "tenant-b" : "tenant-a")),
    isRight: () => tables.marksOf(MARKED.name).includes(MARK_OF[value]),
  };
}
annotations.what = "annotation change in force";

/** As the tables have them. */
const MARK_OF = { "tenant-a": "10_ff", "tenant-b": "20_ff" };

/** In ms; undefined for an agent that does not do it. */
async function measureKind(stage, agent, { disturb, isRight }) {
  const times = [];
  let [look, last] = [0, 0];
  for (let round = 0; round < stage.plan.repairRounds; round++) {
    // One change is measured, not a storm of them, for which the agent's looks have a share of the time.
    await sleep(PAUSE_MS + PAUSE_FACTOR * last);
    await agent.settle();
    await disturb();
    const started = performance.now();
    look = await untilRight(isRight, started + PATIENCE_MS);
    if (look === undefined) return undefined;
    times.push((last = performance.now() - started));
  }
  return { median: median(times), longest: Math.max(...times), look };
}

/** Returns how long the last look took (ms); undefined when nothing has come of it by `end`. */
async function untilRight(isRight, end) {
  while (performance.now() < end) {
    const before = performance.now();
    if (isRight()) return performance.now() - before;
    await sleep(LOOK_EVERY_MS);
  }
  return undefined;
}

function leaveOut(why) {
  process.stderr.write(`\n*** LEFT OUT: ${why}\n\n`);
}
