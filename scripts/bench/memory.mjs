// What the agent holds after many pods: thousands of ADDs and DELs through it, its resident memory sampled.
// A delegate of one line stands for ptp: it is the agent that is measured, and not the kernel's veths.
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./burst.mjs";
import { invocation } from "./cni.mjs";
import { variantLabel } from "./kinds.mjs";
import { populate } from "./populate.mjs";
import { growth, median } from "./statistics.mjs";

/** Pods on the node meanwhile, and requests at a time. */
const PODS = 250;
const AT_A_TIME = 4;
const SAMPLES = 200;

/**
 * Memory in MB. Of the agent's own process without mapped files: at the start, in the middle, at the end, the most
 * (`own`), its growth as a share. The most of everything else that rssOf of agent.mjs says.
 */
export async function measureMemory(stage) {
  const { plan, plugins } = stage;
  if (plugins.agent === undefined) return undefined;
  process.stderr.write(`${variantLabel(plan.variant)}, ${plan.cycles} cycles of memory ...\n`);
  await populate(stage.pattern, PODS, stage);
  const plugin = withDelegate(stage);
  const agent = await stage.startAgent();
  try {
    await agent.settle();
    const samples = [agent.rss()];
    const every = Math.max(1, Math.floor(plan.cycles / SAMPLES));
    let next = 0;
    const worker = async (n) => {
      while (next < plan.cycles) {
        const cycle = next++;
        await oneCycle(plugin, `${n}-${cycle}`);
        if (cycle % every === 0) samples.push(agent.rss());
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, (_, n) => worker(n)));
    const series = (key) => samples.map((sample) => sample[key]);
    const most = (key) => Math.max(...series(key));
    const own = series("own");
    return {
      pods: PODS,
      cycles: plan.cycles,
      start: own[0],
      middle: median(own),
      end: median(own.slice(-10)),
      own: most("own"),
      growth: growth(own),
      anon: most("anon"),
      shared: most("shared"),
      largest: most("largest"),
      most: most("all"),
    };
  } finally {
    await agent.stop();
  }
}

async function oneCycle(plugin, containerId) {
  for (const verb of ["ADD", "DEL"]) {
    const { status, said } = await run(invocation(plugin, verb, containerId, plugin.netconf));
    if (status !== 0) throw new Error(`${verb} of ${containerId} failed: ${said}`);
  }
}

/** The agent's plugin with a delegate whose answer depends on the container's first number only. */
function withDelegate({ dir, plugins: { agent } }) {
  const bin = join(dir, "bin");
  mkdirSync(bin, { recursive: true });
  const path = join(bin, "bench-delegate");
  writeFileSync(path, DELEGATE);
  chmodSync(path, 0o755);
  return {
    ...agent,
    cniPath: bin,
    netconf: { ...agent.netconf, delegate: { type: "bench-delegate" } },
  };
}

const DELEGATE = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
cat <<END
{"cniVersion": "1.0.0", "interfaces": [{"name": "eth0", "sandbox": "$CNI_NETNS"}],
 "ips": [{"address": "10.78.0.1\${CNI_CONTAINERID%%-*}/24", "interface": 0}]}
END
`;
