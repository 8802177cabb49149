/** Two bare nodes become a pod network: bridge, addresses from each node's own range, routes between them. */
import { startResponder } from "../kit/calls";
import { type Attached, createRuntime, type PodSpec, type Runtime } from "../kit/runtime";
import type { Lab, Setup } from "../kit/lab";
import type { Fixture } from "./fixture";
import { showBefore, showInternet, showLog, showOneNode, showTenant, showTwoNodes } from "./paths";
import {
  buildTopology,
  PICTURE,
  writeConfigurations,
  type BareNode,
  type Topology,
} from "./topology";

const PODS: readonly (PodSpec & { readonly on: 0 | 1 })[] = [
  { pod: "default/one-0", on: 0 },
  { pod: "default/one-1", on: 0 },
  { pod: "team-a/web-0", on: 0, annotations: { "tenant.routing/fwmark": "tenant-a" } },
  { pod: "default/two-0", on: 1 },
];

export const bareBridge: Lab = {
  picture: PICTURE,
  programs: ["iptables", "ip6tables"],
  plugins: ["bridge", "host-local"],
  run,
};

async function run(setup: Setup): Promise<void> {
  const topology = await buildTopology(setup);
  const configurations = writeConfigurations(setup, topology);
  await startResponder(setup, topology.router, 80, "server");
  await showNodes(setup, topology, configurations);
  const runtimes = topology.nodes.map(({ machine }, at) =>
    createRuntime(setup, machine, configurations[at] ?? ""),
  );
  const pods = await attach(setup, runtimes);
  if (pods === undefined)
    return setup.transcript.say("Without the pods there is nothing more to show.");
  const fixture: Fixture = { setup, topology, configurations, pods };
  await showBefore(fixture);
  await applyRoutes(fixture);
  for (const step of [showOneNode, showTwoNodes, showInternet, showTenant, showLog])
    await step(fixture);
  if (!setup.keep) await takeDown(fixture, runtimes);
}

async function showNodes(
  { transcript }: Setup,
  { nodes: [one, two] }: Topology,
  [list, flat]: readonly [string, string],
): Promise<void> {
  await transcript.heading(
    "Two nodes with an address and a default route, and a firewall that forwards nothing",
  );
  await one.machine.show(["ip", "-br", "-4", "addr"]);
  await one.machine.show(["iptables", "-S", "FORWARD"]);
  transcript.say(
    "On a node of your own: put bridge, host-local and this plugin into /opt/cni/bin, and one file into /etc/cni/net.d.",
  );
  await one.machine.show(["cat", list], { as: "cat /etc/cni/net.d/10-bare.conflist" });
  transcript.say("The other node's file has the flat form, its own range, and no tenant:");
  await two.machine.show(["cat", flat], { as: "cat /etc/cni/net.d/10-bare.conf" });
}

async function attach(
  setup: Setup,
  runtimes: readonly Runtime[],
): Promise<Fixture["pods"] | undefined> {
  const { transcript } = setup;
  await transcript.heading(
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
    if (
      !transcript.statement(
        `${spec.pod} has its addresses from node-${spec.on + 1}'s range`,
        ok && mine,
      )
    )
      return undefined;
    attached.push({ machine, addresses: [v4, v6] });
    await startResponder(setup, machine, 80);
  }
  return attached as unknown as Fixture["pods"];
}

/** Twice: the second time changes nothing. */
async function applyRoutes({ setup, topology: { nodes }, configurations }: Fixture): Promise<void> {
  const { transcript, wrapper } = setup;
  await transcript.heading(
    "wrapper routes apply: forwarding, the way to the other node's pods, masquerade",
  );
  for (const [at, { machine }] of nodes.entries()) {
    const args = ["routes", "apply", "--sysctl", "--conf", configurations[at] ?? ""];
    const first = await wrapper(machine, args);
    transcript.statement(`node-${at + 1}: it succeeds`, first.status === 0);
    const again = await wrapper(machine, args, { silent: true });
    transcript.statement(
      `node-${at + 1}: a second run changes nothing`,
      again.status === 0 && again.output.includes("changes made: none"),
    );
  }
  await showState(setup, nodes[0]);
}

async function showState({ transcript }: Setup, { machine }: BareNode): Promise<void> {
  transcript.say("How to check it on a node:");
  const forward = await machine.show(["iptables", "-S", "FORWARD"]);
  const accepts = ["-A FORWARD -s 10.200.0.0/16", "-A FORWARD -d 10.200.0.0/16"].every((rule) =>
    forward.output.includes(rule),
  );
  transcript.statement(
    "the policy still drops; the pods' packets are accepted before it",
    forward.output.includes("-P FORWARD DROP") && accepts,
  );
  const route = await machine.show(["ip", "route", "show", "10.200.2.0/24"]);
  transcript.statement(
    "node-2's range is reached by node-2",
    route.output.includes("via 192.168.1.12"),
  );
  await machine.show(["nft", "list", "table", "inet", "tenant-routing"]);
}

async function takeDown(
  { setup, topology: { nodes }, configurations, pods }: Fixture,
  runtimes: readonly Runtime[],
): Promise<void> {
  const { transcript, wrapper } = setup;
  await transcript.heading("The pods are deleted, the routes removed");
  for (const [i, { machine }] of pods.entries()) {
    const ran = await runtimes[PODS[i]?.on ?? 0]?.del(machine);
    transcript.statement(`DEL of ${machine.spec.pod} succeeds`, ran?.ok === true);
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
    transcript.statement(
      `node-${number}: no rule, route or mark is left (the empty cni0 is the bridge plugin's)`,
      status === 0 && clean,
    );
  }
}
