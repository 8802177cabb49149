/** Two tenants on one node, each with its own gateway, and everything that can happen to one. */
import { startResponder } from "../kit/calls";
import type { Lab, Setup } from "../kit/lab";
import { createRuntime } from "../kit/runtime";
import { showApiDown } from "./api-down";
import { attachPods } from "./attach";
import { showDestinations } from "./destinations";
import { applyRoutes, RULES, type Fixture } from "./fixture";
import {
  showBothWays,
  showHealthy,
  showLocalTraffic,
  showMovedLocalRule,
  showOtherBits,
} from "./healthy";
import { showFlushedTable, showLinkDown, showSilentGateway } from "./lost";
import { showOnCall } from "./on-call";
import { runWithPage } from "./page";
import { showRemoval } from "./removal";
import { buildTopology, PICTURE, SERVER, writeConflist, type Topology } from "./topology";

export const tenants: Lab = {
  picture: PICTURE,
  programs: ["iptables", "ip6tables"],
  plugins: ["ptp", "host-local", "portmap"],
  run,
  runWithPage,
  lookAround: ({ workspace: { prefix }, dir, binary, cniPath }) => [
    `ip netns exec ${prefix}-node ip rule`,
    `ip netns exec ${prefix}-node iptables-save -t mangle`,
    `ip netns exec ${prefix}-web-0 curl -sS http://${SERVER[0]}/`,
    `ip netns exec ${prefix}-node ${binary} check --conf ${dir}/tenants.conflist --cni-path ${cniPath.join(":")}`,
    `ip netns exec ${prefix}-node tail ${dir}/wrapper.log`,
  ],
};

async function run(setup: Setup): Promise<void> {
  const topology = await buildTopology(setup);
  const conflist = writeConflist(setup, topology);
  const rulesBefore = await topology.node.must(["sh", "-c", RULES]);
  await startResponder(setup, topology.internet, 80, "server");
  await startResponder(setup, topology.node, 8080);
  await showRoutes(setup, topology, conflist);
  const runtime = createRuntime(setup, topology.node, conflist);
  const pods = await attachPods(setup, topology.node, runtime);
  if (pods === undefined)
    return setup.transcript.say("Without the pods there is nothing more to show.");
  const fixture: Fixture = { setup, topology, conflist, runtime, rulesBefore, ...pods };
  const steps = [
    showHealthy,
    showLocalTraffic,
    showBothWays,
    showOtherBits,
    showLinkDown,
    showSilentGateway,
    showFlushedTable,
    showDestinations,
    showMovedLocalRule,
    showOnCall,
  ];
  for (const step of steps) await step(fixture);
  if (setup.keep) return;
  if (fixture.api !== undefined) await showApiDown(fixture, fixture.api);
  await showRemoval(fixture);
}

async function showRoutes(setup: Setup, { node }: Topology, conflist: string): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("The node's rules and routes, from the tenants of the conflist");
  await node.show(["cat", conflist], { as: "cat tenants.conflist" });
  transcript.statement("wrapper routes apply succeeds", await applyRoutes(setup, node, conflist));
  const rules = await node.show(["ip", "rule"]);
  const order = [
    "suppress_prefixlength 0",
    "fwmark 0x10/0xff lookup 100",
    "fwmark 0x10/0xff unreachable",
    "32766:",
  ];
  transcript.statement(
    "the main table's own routes come first, then each tenant by its mark and mask, behind it a stop",
    inOrder(rules.output, ...order),
  );
  const table = await node.show(["ip", "route", "show", "table", "100"]);
  transcript.statement(
    "without its gateway a tenant's traffic stops instead of leaking",
    table.output.includes("unreachable default"),
  );
  const second = await setup.wrapper(node, ["routes", "apply", "--conf", conflist, "--sysctl"]);
  transcript.statement(
    "a second time there is nothing to change",
    second.status === 0 && /changes made: none/.test(second.output),
  );
}

function inOrder(text: string, ...parts: readonly string[]): boolean {
  const at = parts.map((part) => text.indexOf(part));
  return at.every((place, i) => place >= 0 && place > (at[i - 1] ?? -1));
}
