// How long the first command at night takes: `wrapper status` beside a start of the same binary.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { agentConf, timed, version } from "./cni.mjs";
import { variantLabel } from "./kinds.mjs";
import { populate } from "./populate.mjs";
import { median, summary } from "./statistics.mjs";

/** Pods on the node meanwhile, all of them with annotations in the API. */
const PODS = 200;
/** Findings are no failure here: the bench's node has no net.d of its own. */
const LOOKED = [0, 1];

/** Times (ms) of it and of a start, in alternation, with an agent as on a node. */
export async function measureStatus(stage) {
  const { plan, plugins, pattern, dir, paths } = stage;
  process.stderr.write(`${variantLabel(plan.variant)}, wrapper status, ${PODS} pods ...\n`);
  await populate(pattern, PODS, stage);
  const { cniVersion, name, ...plugin } = JSON.parse(agentConf(plugins.api, paths.socket));
  const conflist = join(dir, "status.conflist");
  writeFileSync(conflist, JSON.stringify({ cniVersion, name, plugins: [plugin] }));
  const run = (...words) =>
    timed(plan.binary, ["status", "--conf", conflist, ...words], {
      env: { PATH: process.env.PATH },
      allowed: LOOKED,
    });
  const agent = await stage.startAgent();
  try {
    await agent?.settle();
    expectSeen(JSON.parse(run("-o", "json").stdout));
    const [starts, looks] = [[], []];
    for (let round = 0; round < plan.iterations; round++) {
      await setImmediate();
      starts.push(version({ path: plan.binary }).ms);
      looks.push(run().ms);
    }
    const ratio = median(looks.map((ms, i) => ms / starts[i]));
    return { pods: PODS, start: summary(starts), look: summary(looks), ratio };
  } finally {
    await agent?.stop();
  }
}

// A look that leaves pods out would be fast.
function expectSeen({ categories }) {
  const { summaries = [], state } = categories.find(({ category }) => category === "pods");
  if (!summaries.join().includes(`${PODS} pods`) || state === "unknown")
    throw new Error(`wrapper status does not see ${PODS} pods: ${JSON.stringify({ summaries })}`);
}
