/** Two bare nodes become a pod network: bridge, addresses from each node's own range, routes between them. */
import { startResponder } from "../kit/calls";
import { createRuntime, type Pod, type PodSpec, type Runtime } from "../kit/runtime";
import type { Lab, Stage } from "../kit/lab";
import { showBefore, showInternet, showLog, showOneNode, showTenant, showTwoNodes } from "./paths";
import {
  buildNet,
  PICTURE,
  writeConfigurations,
  type BareNode,
  type Net,
  type Pair,
} from "./topology";

const PODS: readonly (PodSpec & { readonly on: 0 | 1 })[] = [
  { pod: "default/one-0", on: 0 },
  { pod: "default/one-1", on: 0 },
  { pod: "team-a/web-0", on: 0, annotations: { "tenant.routing/fwmark": "tenant-a" } },
  { pod: "default/two-0", on: 1 },
];

/** A pod that is attached. */
export interface Attached {
  readonly machine: Pod;
  readonly addresses: Pair;
}

/** What the steps work with. */
export interface Scene {
  readonly stage: Stage;
  readonly net: Net;
  readonly configurations: readonly [string, string];
  readonly pods: readonly [one0: Attached, one1: Attached, web: Attached, two: Attached];
}

export const bareBridge: Lab = {
  picture: PICTURE,
  programs: ["iptables", "ip6tables"],
  plugins: ["bridge", "host-local"],
  play,
};

async function play(stage: Stage): Promise<void> {
  const net = await buildNet(stage);
  const configurations = writeConfigurations(stage, net);
  await startResponder(stage, net.router, 80, "server");
  await showNodes(stage, net, configurations);
  const runtimes = net.nodes.map(({ machine }, at) =>
    createRuntime(stage, machine, configurations[at] ?? ""),
  );
  const pods = await attach(stage, runtimes);
  if (pods === undefined) return stage.story.say("Without the pods there is nothing more to show.");
  const scene: Scene = { stage, net, configurations, pods };
  await showBefore(scene);
  await applyRoutes(scene);
  for (const step of [showOneNode, showTwoNodes, showInternet, showTenant, showLog])
    await step(scene);
  if (!stage.keep) await takeDown(scene, runtimes);
}

async function showNodes(
  { story }: Stage,
  { nodes: [one, two] }: Net,
  [list, flat]: readonly [string, string],
): Promise<void> {
  story.heading(
    "Two nodes with an address and a default route, and a firewall that forwards nothing",
  );
  await one.machine.show(["ip", "-br", "-4", "addr"]);
  await one.machine.show(["iptables", "-S", "FORWARD"]);
  story.say(
    "On a node of your own: put bridge, host-local and this plugin into /opt/cni/bin, and one file into /etc/cni/net.d.",
  );
  await one.machine.show(["cat", list], { as: "cat /etc/cni/net.d/10-bare.conflist" });
  story.say("The other node's file has the flat form, its own range, and no tenant:");
  await two.machine.show(["cat", flat], { as: "cat /etc/cni/net.d/10-bare.conf" });
}

async function attach(
  stage: Stage,
  runtimes: readonly Runtime[],
): Promise<Scene["pods"] | undefined> {
  const { story } = stage;
  story.heading(
    "Pods: the bridge plugin makes cni0, host-local takes addresses from the node's range",
  );
  const attached: Attached[] = [];
  for (const spec of PODS) {
    const runtime = runtimes[spec.on];
    if (runtime === undefined) return undefined;
    const machine = await runtime.sandbox(spec);
    const {
      ok,
      addresses: [v4 = "", v6 = ""],
    } = await runtime.add(machine);
    const mine =
      v4.startsWith(`10.200.${spec.on + 1}.`) && v6.startsWith(`fd00:200:${spec.on + 1}:`);
    if (!story.claim(`${spec.pod} has its addresses from node-${spec.on + 1}'s range`, ok && mine))
      return undefined;
    attached.push({ machine, addresses: [v4, v6] });
    await startResponder(stage, machine, 80);
  }
  return attached as unknown as Scene["pods"];
}

/** Twice: the second time changes nothing. */
async function applyRoutes({ stage, net: { nodes }, configurations }: Scene): Promise<void> {
  const { story, wrapper } = stage;
  story.heading("wrapper routes apply: forwarding, the way to the other node's pods, masquerade");
  for (const [at, { machine }] of nodes.entries()) {
    const args = ["routes", "apply", "--sysctl", "--conf", configurations[at] ?? ""];
    const first = await wrapper(machine, args);
    story.claim(`node-${at + 1}: it succeeds`, first.status === 0);
    const again = await wrapper(machine, args, { silent: true });
    story.claim(
      `node-${at + 1}: a second run changes nothing`,
      again.status === 0 && again.output.includes("changes made: none"),
    );
  }
  await showState(stage, nodes[0]);
}

async function showState({ story }: Stage, { machine }: BareNode): Promise<void> {
  story.say("How to check it on a node:");
  const forward = await machine.show(["iptables", "-S", "FORWARD"]);
  const accepts = ["-A FORWARD -s 10.200.0.0/16", "-A FORWARD -d 10.200.0.0/16"].every((rule) =>
    forward.output.includes(rule),
  );
  story.claim(
    "the policy still drops; the pods' packets are accepted before it",
    forward.output.includes("-P FORWARD DROP") && accepts,
  );
  const route = await machine.show(["ip", "route", "show", "10.200.2.0/24"]);
  story.claim("node-2's range is reached by node-2", route.output.includes("via 192.168.1.12"));
  await machine.show(["nft", "list", "table", "inet", "tenant-routing"]);
}

async function takeDown(
  { stage, net: { nodes }, configurations, pods }: Scene,
  runtimes: readonly Runtime[],
): Promise<void> {
  const { story, wrapper } = stage;
  story.heading("The pods are deleted, the routes removed");
  for (const [i, { machine }] of pods.entries()) {
    const ran = await runtimes[PODS[i]?.on ?? 0]?.del(machine);
    story.claim(`DEL of ${machine.spec.pod} succeeds`, ran?.ok === true);
  }
  for (const [at, { machine, number }] of nodes.entries()) {
    const { status } = await wrapper(
      machine,
      ["routes", "remove", "--conf", configurations[at] ?? ""],
      { silent: true },
    );
    const left = await machine.show(
      [
        "sh",
        "-c",
        "iptables-save; ip6tables-save; ip rule; ip -6 rule; ip route show table all; nft list tables",
      ],
      { as: "iptables-save; ip rule; ip route; ...", silent: true },
    );
    const clean =
      left.status === 0 &&
      !/tenant-routing|fwmark|10\.200\.[^.]*\.0\/24 via|unreachable/.test(left.output);
    story.claim(
      `node-${number}: no rule, route or mark is left (the empty cni0 is the bridge plugin's)`,
      status === 0 && clean,
    );
  }
}
