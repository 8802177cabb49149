// What the measuring processes work with: the API server, the plugins, the agent, a pattern of a pod.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { installLauncher, startAgent } from "./agent.mjs";
import { startApi } from "./api.mjs";
import { agentConf, createPlugins, findDelegate, timed } from "./cni.mjs";
import { KINDS, variantLabel } from "./kinds.mjs";
import { takePattern } from "./populate.mjs";
import { tablesOf } from "./tables.mjs";

/** What all sections work with. With `leftOut`, why this variant cannot be measured. */
export async function createStage(plan) {
  mountJournal(plan.dir);
  const api = await startApi({
    script: plan.apiServer,
    rbac: plan.rbac,
    dir: join(plan.dir, "api"),
  });
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
  const stage = { plan, dir, variant, names, tables, sandbox, api, paths, stop: api.stop };
  stage.plugins = createPlugins(paths, variant);
  try {
    stage.pattern = takePattern(stage.plugins.runtime, stage);
  } catch (error) {
    if (variant !== "nftables" || !/backend/.test(error.message)) throw error;
    return {
      stop: api.stop,
      ...leaveOut(`${variantLabel(variant)}: this binary has no such backend`),
    };
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
