/** A tenant whose gateway is a pod: on its own node, on another node, and two of them. */
import { startResponder } from "../kit/calls";
import { createRuntime, type Pod, type PodSpec, type Runtime } from "../kit/runtime";
import type { Lab, Stage } from "../kit/lab";
import type { Machine } from "../kit/machines";
import { shortJson } from "../kit/short-json";
import { tenantOf, writeGatewayNetwork, writeNode1, writeNode2, type Choice } from "./conflists";
import { showFailover } from "./failover";
import { startGateway, type Conflists } from "./gateways";
import { showMasquerade, showOneNode } from "./one-node";
import { buildNet, FORBIDDEN_PORT, PICTURE, type Net, type Pair } from "./topology";
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

/** What the steps work with. */
export interface Scene {
  readonly stage: Stage;
  readonly net: Net;
  readonly conflists: Conflists;
  /** node1's. */
  readonly runtime: Runtime;
  /** Of the tenant. */
  readonly pod: Pod;
  /** The same, as what runs in it sees it: without privileges. */
  readonly client: Machine;
  /** A pod without a tenant. */
  readonly plain: Machine;
}

export const gatewayPod: Lab = {
  picture: PICTURE,
  programs: ["bridge", "iptables", "ip6tables", "setpriv"],
  plugins: ["ptp", "bridge", "host-local", "static"],
  play,
};

async function play(stage: Stage): Promise<void> {
  const { story } = stage;
  const net = await buildNet(stage);
  for (const port of [80, FORBIDDEN_PORT])
    await startResponder(stage, net.internet, port, "server");
  story.heading("Two pods of node1, and a pod that shall be the gateway of one of them");
  const scene = await setScene(stage, net);
  if (scene === undefined) return story.say("Without the pods there is nothing more to show.");
  const gateway = await startGateway(stage, net, scene.conflists, 0);
  await showOneNode(scene, gateway);
  await showMasquerade(scene, gateway);
  const far = await showTwoNodes(scene);
  await showFailover(scene, [gateway, far]);
}

async function setScene(stage: Stage, net: Net): Promise<Scene | undefined> {
  const conflists: Conflists = {
    nodes: [writeNode1(stage, { gateways: [0] }), writeNode2(stage)],
    gateways: writeGatewayNetwork(stage, 1500),
  };
  await net.node1.show(["cat", conflists.nodes[0]], { as: "cat node1.conflist" });
  await net.node1.show(["cat", conflists.gateways], { as: "cat gateways.conflist" });
  const runtime = createRuntime(stage, net.node1, conflists.nodes[0]);
  const [pod, plain] = [await runtime.sandbox(CLIENT), await runtime.sandbox(PLAIN)];
  for (const one of [pod, plain]) if (!(await attach(stage, runtime, one))) return undefined;
  const client: Machine = {
    ...pod,
    run: (command, options) => pod.run([...unprivileged(command[0]), ...command], options),
  };
  return { stage, net, conflists, runtime, pod, client, plain };
}

/** Attaches a pod, and says whether that went well. */
export async function attach({ story }: Stage, runtime: Runtime, pod: Pod): Promise<boolean> {
  const {
    ok,
    addresses: [v4 = "", v6 = ""],
  } = await runtime.add(pod);
  return story.claim(
    `${pod.spec.pod} is attached, with an IPv4 and an IPv6 address`,
    ok && v4.includes(".") && v6.includes(":"),
  );
}

/** Shows the tenant's part of node1's conflist and applies it; false when that failed. */
export async function configure({ stage, net }: Scene, choice: Choice): Promise<boolean> {
  const conf = writeNode1(stage, choice);
  stage.story.say("The tenant in node1.conflist:");
  stage.story.quote(shortJson({ filtered: tenantOf(choice) }));
  const { status } = await stage.wrapper(
    net.node1,
    ["routes", "apply", "--conf", conf, "--sysctl"],
    { silent: true },
  );
  return status === 0;
}

/** The addresses that the pod has now, in the order IPv4, IPv6. */
export async function addressesIn(pod: Machine): Promise<Pair> {
  const text = await pod.must(["ip", "-br", "addr", "show", "dev", "eth0", "scope", "global"]);
  const found = text
    .split(/\s+/)
    .filter((word) => word.includes("/"))
    .map((word) => word.split("/")[0] ?? "");
  return [
    found.find((address) => address.includes(".")) ?? "",
    found.find((address) => address.includes(":")) ?? "",
  ];
}
