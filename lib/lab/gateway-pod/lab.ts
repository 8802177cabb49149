/** A tenant whose gateway is a pod: on its own node, on another node, and two of them. */
import { startResponder } from "../kit/calls";
import { createRuntime, type PodSpec } from "../kit/runtime";
import type { Lab, Setup } from "../kit/lab";
import type { Machine } from "../kit/machines";
import { writeGatewayNetwork, writeNode1, writeNode2 } from "./conflists";
import { showFailover } from "./failover";
import { attach, type Fixture, makesLinks } from "./fixture";
import { showMasquerade, showOneNode } from "./one-node";
import {
  buildTopology,
  FORBIDDEN_PORT,
  PICTURE,
  startGateway,
  type Conflists,
  type Topology,
} from "./topology";
import { showTwoNodes } from "./two-nodes";

const CLIENT: PodSpec = {
  pod: "office/client-0",
  annotations: { "tenant.routing/fwmark": "filtered" },
};
const PLAIN: PodSpec = { pod: "office/plain-0" };
/** What runs in a pod has no capability at all then; ping's file asks for CAP_NET_RAW, and the kernel runs it with that or not at all. */
function unprivileged(program: string | undefined): readonly string[] {
  return [
    "setpriv",
    `--bounding-set=-all${program === "ping" ? ",+net_raw" : ""}`,
    "--inh-caps=-all",
    "--no-new-privs",
  ];
}

export const gatewayPod: Lab = {
  picture: PICTURE,
  programs: ["bridge", "iptables", "ip6tables", "setpriv"],
  plugins: ["ptp", "bridge", "host-local", "static"],
  run,
};

async function run(setup: Setup): Promise<void> {
  const { transcript } = setup;
  const topology = await buildTopology(setup);
  for (const port of [80, FORBIDDEN_PORT])
    await startResponder(setup, topology.internet, port, "server");
  await transcript.heading("Two pods of node1, and a pod that shall be the gateway of one of them");
  const fixture = await buildFixture(setup, topology);
  if (fixture === undefined)
    return transcript.say("Without the pods there is nothing more to show.");
  const gateway = await startGateway(setup, topology, fixture.conflists, 0);
  await showOneNode(fixture, gateway);
  await showMasquerade(fixture, gateway);
  const far = await showTwoNodes(fixture);
  await showFailover(fixture, [gateway, far]);
}

async function buildFixture(setup: Setup, topology: Topology): Promise<Fixture | undefined> {
  const conflists: Conflists = {
    nodes: [writeNode1(setup, { gateways: [0] }), writeNode2(setup)],
    gateways: writeGatewayNetwork(setup, 1500),
  };
  await topology.node1.show(["cat", conflists.nodes[0]], { as: "cat node1.conflist" });
  await topology.node1.show(["cat", conflists.gateways], { as: "cat gateways.conflist" });
  for (const [node, conflist] of [
    [topology.node1, conflists.nodes[0]],
    [topology.node2, conflists.nodes[1]],
  ] as const)
    setup.transcript.statement(
      `wrapper routes apply makes the bridge of the gateways on ${node.name}`,
      await makesLinks(setup, node, conflist, ["br-gw"]),
    );
  const runtime = createRuntime(setup, topology.node1, conflists.nodes[0]);
  const [pod, plain] = [await runtime.sandbox(CLIENT), await runtime.sandbox(PLAIN)];
  for (const one of [pod, plain]) if (!(await attach(setup, runtime, one))) return undefined;
  const client: Machine = {
    ...pod,
    run: (command, options) => pod.run([...unprivileged(command[0]), ...command], options),
  };
  return { setup, topology, conflists, runtime, pod, client, plain };
}
