// The measuring process: runs in the node's network namespace, one variant at a time.
// Argument: the plan as JSON (bench.mjs). Writes its figures to plan.output.
import { writeFileSync } from "node:fs";
import { measureBursts } from "./burst.mjs";
import { variantLabel } from "./kinds.mjs";
import { measureMemory } from "./memory.mjs";
import { measureNode } from "./operations.mjs";
import { measurePackets } from "./packets.mjs";
import { populate } from "./populate.mjs";
import { measureRepairs } from "./repairs.mjs";
import { createStage } from "./stage.mjs";
import { measureStatus } from "./status.mjs";
import { trackConnections } from "./tables.mjs";

async function main(plan) {
  const stage = await createStage(plan);
  try {
    const figures = stage.leftOut === undefined ? await measure(plan, stage) : stage;
    writeFileSync(plan.output, JSON.stringify({ variant: plan.variant, ...figures }));
  } finally {
    stage.stop();
  }
}

async function measure(plan, stage) {
  const { pattern, variant } = stage;
  const wanted = (section) => plan.sections.includes(section);
  trackConnections(variant, true);
  const nodes = [];
  if (wanted("operations"))
    for (const count of plan.pods) nodes.push(await measureNode(count, stage));
  const bursts = wanted("bursts") ? await measureBursts(stage) : [];
  const repairs = wanted("repairs") ? await measureRepairs(stage) : [];
  const memory = wanted("memory") ? await measureMemory(stage) : undefined;
  const status = wanted("status") ? await measureStatus(stage) : undefined;
  const packets = wanted("packets") ? await measurePacketsOf(stage) : [];
  return { rulesPerPod: pattern.rules.length, nodes, bursts, repairs, memory, status, packets };
}

async function measurePacketsOf(stage) {
  const { plan, plugins, pattern, tables, variant } = stage;
  process.stderr.write(`${variantLabel(variant)}, packets ...\n`);
  await populate(pattern, 0, stage);
  trackConnections(variant, false);
  return measurePackets({
    plugin: plugins.bare,
    pattern,
    pods: plan.pods,
    rounds: plan.packetRounds,
    pings: plan.pings,
    tables,
    podNetns: plan.names.pod,
  });
}

// `ip netns exec` has become this process, so the signal arrives here.
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.once(signal, () => process.exit(1));

try {
  await main(JSON.parse(process.argv[2]));
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 1;
}
