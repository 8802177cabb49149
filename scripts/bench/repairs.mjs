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

/** For each number of pods on the node: [{ what, pods, median, longest, look }] in ms; `look`: how long one look takes. */
export async function measureRepairs(stage) {
  const { plan, plugins } = stage;
  if (plugins.agent === undefined) return [];
  const rows = [];
  for (const pods of plan.pods.filter((count) => count <= 1000)) {
    process.stderr.write(`${variantLabel(plan.variant)}, repairs with ${pods} pods ...\n`);
    populate(stage.pattern, pods, stage);
    const agent = await stage.startAgent();
    const attached = add(plugins.agentApi);
    try {
      await agent.settle();
      for (const [what, disturb, isRight] of disturbances(stage)) {
        const row = await measureOne({ stage, agent, what, disturb, isRight });
        if (row === undefined) leaveOut(`${what}: this agent does not put it right`);
        else rows.push({ what, pods, ...row });
      }
    } finally {
      await stage.api.annotate(MARKED, "tenant-a");
      await agent.stop();
      del(plugins.agentApi, attached);
    }
  }
  return rows;
}

function disturbances({ tables, api }) {
  const wanted = tables.count();
  let value = "tenant-a";
  return [
    ["flush repaired", () => tables.flush(), () => tables.count() === wanted],
    [
      "annotation change in force",
      () => api.annotate(MARKED, (value = value === "tenant-a" ? "tenant-b" : "tenant-a")),
      () => tables.marksOf(MARKED.name).every((mark) => mark === MARK_OF[value]),
    ],
  ];
}

/** As the tables have them. */
const MARK_OF = { "tenant-a": "10_ff", "tenant-b": "20_ff" };

async function measureOne({ stage, agent, disturb, isRight }) {
  const times = [];
  let look = 0;
  for (let round = 0; round < stage.plan.repairRounds; round++) {
    // A pause of its own between changes: the agent may wait a while after each of them.
    await sleep(300);
    await agent.settle();
    await disturb();
    const started = performance.now();
    for (let right = false; !right; ) {
      const before = performance.now();
      if (before - started > PATIENCE_MS) return undefined;
      right = isRight();
      look = performance.now() - before;
      if (!right) await sleep(LOOK_EVERY_MS);
    }
    times.push(performance.now() - started);
  }
  return { median: median(times), longest: Math.max(...times), look };
}

function leaveOut(why) {
  process.stderr.write(`\n*** LEFT OUT: ${why}\n\n`);
}
