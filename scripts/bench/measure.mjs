// The measuring process: runs in the node's network namespace, one variant at a time.
// Argument: the plan as JSON (bench.mjs). Writes its figures to plan.output.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { installLauncher, startAgent } from "./agent.mjs";
import { startApi } from "./api.mjs";
import { measureBursts } from "./burst.mjs";
import { agentConf, createPlugins, findDelegate, timed } from "./cni.mjs";
import { KINDS, variantLabel } from "./kinds.mjs";
import { measureMemory } from "./memory.mjs";
import { measureNode } from "./operations.mjs";
import { measurePackets } from "./packets.mjs";
import { populate, takePattern } from "./populate.mjs";
import { measureRepairs } from "./repairs.mjs";
import { tablesOf, trackConnections } from "./tables.mjs";

async function main(plan) {
  mountJournal(plan.dir);
  const api = await startApi({
    script: plan.apiServer,
    rbac: plan.rbac,
    dir: join(plan.dir, "api"),
  });
  try {
    const stage = await createStage(plan, api);
    const figures = stage.leftOut === undefined ? await measure(plan, stage) : stage;
    writeFileSync(plan.output, JSON.stringify({ variant: plan.variant, ...figures }));
  } finally {
    api.stop();
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
  const packets = wanted("packets") ? await measurePacketsOf(stage) : [];
  return { rulesPerPod: pattern.rules.length, nodes, bursts, repairs, memory, packets };
}

/** What all sections work with. With `leftOut`, why this variant cannot be measured. */
async function createStage(plan, api) {
  const { dir, names, variant } = plan;
  const socket = join(dir, "agent", "agent.sock");
  const paths = {
    dir,
    socket,
    binary: plan.binary,
    launcher: installLauncher(join(dir, "installed"), plan),
    delegate: findDelegate("ptp"),
    netns: `/run/netns/${names.pod}`,
    kubeconfig: api.kubeconfig,
  };
  const tables = tablesOf(variant);
  const sandbox = `/run/netns/${names.node}`;
  const stage = { plan, dir, variant, names, tables, sandbox, api, paths };
  stage.plugins = createPlugins(paths, variant);
  try {
    stage.pattern = takePattern(stage.plugins.runtime, stage);
  } catch (error) {
    if (variant !== "nftables" || !/backend/.test(error.message)) throw error;
    return leaveOut(`${variantLabel(variant)}: this binary has no such backend`);
  }
  if (plan.against !== undefined)
    stage.others = createPlugins({ ...paths, launcher: undefined, binary: plan.against }, variant);
  await prepareAgent(stage);
  return stage;
}

// Tried once: without it, everything else is measured all the same.
async function prepareAgent(stage) {
  const { plugins, paths } = stage;
  stage.startAgent = () => startAgent({ ...paths, conf: agentConf(plugins.runtime, paths.socket) });
  try {
    if (paths.launcher === undefined) throw new Error(`${stage.plan.launcher} does not exist`);
    await (await stage.startAgent()).stop();
  } catch (error) {
    leaveOut(`launcher and agent: ${error.message}`);
    for (const { kind, launched } of KINDS) if (launched) delete plugins[kind];
    stage.startAgent = async () => undefined;
  }
}

function leaveOut(why) {
  process.stderr.write(`\n*** LEFT OUT: ${why}\n\n`);
  return { leftOut: why };
}

// On tmpfs, as in production; `ip netns exec` gave us a mount namespace that goes when we go.
function mountJournal(dir) {
  const journal = join(dir, "journal");
  mkdirSync(journal, { mode: 0o700 });
  timed("mount", ["-t", "tmpfs", "-o", "mode=0700", "tmpfs", journal], {
    env: { PATH: process.env.PATH },
  });
}

function measurePacketsOf(stage) {
  const { plan, plugins, pattern, tables, variant } = stage;
  process.stderr.write(`${variantLabel(variant)}, packets ...\n`);
  populate(pattern, 0, stage);
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
