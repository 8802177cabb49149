/** A resident agent under steady traffic, and everything that can happen to it and to its work. */
import type { Lab, Setup } from "../kit/lab";
import { createRuntime } from "../kit/runtime";
import { showAnnotation } from "./annotation";
import { attachPods, showStart, showWays, startAnnotations, type Node } from "./attach";
import { showConflist } from "./conflist";
import { RULES, type Fixture } from "./fixture";
import { showGuardDeleted, showMangleFlushed, showRulesetFlushed } from "./flush";
import { showFrozen } from "./frozen";
import { showKilled } from "./killed";
import { showRemoval } from "./removal";
import { showRules } from "./rules";
import { buildTopology, conflistText, FIRST_CHOICES, PICTURE } from "./topology";
import { showUpgrade } from "./upgrade";

export const agent: Lab = {
  picture: PICTURE,
  programs: ["iptables", "ip6tables"],
  plugins: ["ptp", "host-local"],
  launcher: true,
  run,
  lookAround: ({ workspace: { prefix }, dir, binary, cniPath }) => [
    `ip netns exec ${prefix}-node iptables-save -t mangle`,
    `ip netns exec ${prefix}-gw-a nft list table inet lab-arrivals`,
    `ip netns exec ${prefix}-node ${binary} check --conf ${dir}/tenants.conflist --cni-path ${cniPath.join(":")}`,
  ],
};

interface Step {
  readonly show: (fixture: Fixture) => Promise<void>;
  /** False: the part of the agent that it shows is not there yet. */
  readonly isOn: boolean;
}

/** In their order: no step may depend on one before it. */
const STEPS: readonly Step[] = [
  { show: showWays, isOn: true },
  { show: showKilled, isOn: true },
  { show: showFrozen, isOn: true },
  { show: showMangleFlushed, isOn: true },
  { show: showGuardDeleted, isOn: true },
  { show: showRulesetFlushed, isOn: true },
  { show: showAnnotation, isOn: true },
  { show: showConflist, isOn: true },
  { show: showUpgrade, isOn: true },
  { show: showRules, isOn: true },
];

async function run(setup: Setup): Promise<void> {
  const topology = await buildTopology(setup);
  const conflist = setup.write("tenants.conflist", conflistText(setup, topology, FIRST_CHOICES));
  const runtime = createRuntime(setup, topology.node, conflist);
  const node: Node = { setup, topology, conflist, runtime };
  const rules = await topology.node.must(["sh", "-c", RULES]);
  const api = await startAnnotations(node);
  const resident = await showStart(node);
  const pods = await attachPods(node, api);
  if (pods === undefined)
    return setup.transcript.say("Without the pods there is nothing more to show.");
  const fixture: Fixture = { ...node, api, agent: resident, ...pods };
  for (const { show, isOn } of STEPS) if (isOn) await show(fixture);
  if (!setup.keep) await showRemoval(fixture, { rules });
}
