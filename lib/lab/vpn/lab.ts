/** Everything that the `fwmark` plugin documents: chained, named marks, annotations from the runtime, a VPN uplink. */
import { startResponder } from "../kit/calls";
import { createRuntime, type PodSpec, type Runtime } from "../kit/runtime";
import type { Lab, Setup } from "../kit/lab";
import { NAME, type Attached, type Fixture } from "./fixture";
import { showCluster, showInbound, showInternet } from "./paths";
import { showChecks, showDeletion, showUnknownName } from "./verbs";
import { buildTopology, HOST_PORT, PICTURE, writeConflist, type Topology } from "./topology";

/** As Kubernetes makes it of kubernetes.io/egress-bandwidth: bits per second, and bits. */
const LIMIT = {
  ingressRate: 100_000_000,
  ingressBurst: 10_000_000,
  egressRate: 100_000_000,
  egressBurst: 10_000_000,
};
const PODS: readonly PodSpec[] = [
  {
    pod: "media/player-0",
    annotations: { [NAME]: "vpn" },
    ports: [`${HOST_PORT}:80`],
    offers: { bandwidth: LIMIT },
  },
  { pod: "web/shop-0", offers: { bandwidth: LIMIT } },
  { pod: "web/office-0", annotations: { [NAME]: "office" }, offers: { bandwidth: LIMIT } },
];

export const vpn: Lab = {
  picture: PICTURE,
  programs: ["iptables", "tc"],
  plugins: ["bridge", "host-local", "portmap", "bandwidth"],
  run,
};

async function run(setup: Setup): Promise<void> {
  const topology = await buildTopology(setup);
  const conflist = writeConflist(setup);
  for (const machine of [topology.two, topology.node]) await startResponder(setup, machine, 80);
  await startResponder(setup, topology.internet, 80, "server");
  await showUplink(setup, topology, conflist);
  const runtime = createRuntime(setup, topology.node, conflist);
  const pods = await attach(setup, topology, runtime);
  if (pods === undefined)
    return setup.transcript.say("Without the pods there is nothing more to show.");
  const fixture: Fixture = { setup, topology, conflist, runtime, pods };
  for (const step of [showInternet, showCluster, showInbound, showUnknownName, showChecks])
    await step(fixture);
  if (!setup.keep) await showDeletion(fixture);
}

async function showUplink(setup: Setup, { node }: Topology, conflist: string): Promise<void> {
  const { transcript, wrapper } = setup;
  await transcript.heading(
    "The node gets a second uplink on the same wire, in another subnet, and a table for it",
  );
  await node.show(["cat", conflist], { as: "cat vpn.conflist" });
  transcript.say(
    "Ours is the last of the chain; there is no delegate, no kubeconfig and no API server.",
    "`marks` is the fwmark plugin's spelling; a name with routes is written under `tenants`.",
    "`links` has the second uplink: nothing is made by hand.",
  );
  const apply = ["routes", "apply", "--sysctl", "--conf", conflist];
  const { status, output } = await wrapper(node, apply);
  transcript.statement("wrapper routes apply succeeds", status === 0);
  const [link = -1, route = -1] = ["ip link add name vpn0", "dev vpn0 table 200"].map((words) =>
    output.indexOf(words),
  );
  transcript.statement("it makes vpn0, and then the routes by it", 0 < link && link < route);
  transcript.statement(
    "it makes the filter of vpn0 loose, or replies would be dropped",
    output.includes("sysctl -w net.ipv4.conf.vpn0.rp_filter=2"),
  );
  const rules = await node.show(["ip", "rule"]);
  const order = ["suppress_prefixlength 0", "fwmark 0x10/0x10 lookup 200", "32766:"].map((words) =>
    rules.output.indexOf(words),
  );
  transcript.statement(
    "the main table's exact routes come first, then the mark, then the default",
    order.every((at, i) => at > (order[i - 1] ?? 0)),
  );
  await node.show(["ip", "route", "show", "table", "200"]);
  const again = await wrapper(node, apply, { silent: true });
  transcript.statement("again, it changes nothing", again.output.includes("changes made: none"));
}

async function attach(
  setup: Setup,
  { node }: Topology,
  runtime: Runtime,
): Promise<Fixture["pods"] | undefined> {
  const { transcript } = setup;
  await transcript.heading("Pods: the annotation comes from the runtime, with the pod");
  const attached: Attached[] = [];
  for (const spec of PODS) {
    const machine = await runtime.sandbox(spec);
    const {
      ok,
      addresses: [address = ""],
    } = await runtime.add(machine);
    if (!transcript.statement(`${spec.pod} is attached`, ok && address !== "")) return undefined;
    attached.push({ machine, address });
    await startResponder(setup, machine, 80);
  }
  const [player, shop, office] = attached as [Attached, Attached, Attached];
  const rules = await node.show(["iptables", "-w", "-t", "mangle", "-S", "PREROUTING"]);
  const mark = ({ address }: Attached, words: string): boolean =>
    rules.output
      .split("\n")
      .some((rule) => rule.includes(`-s ${address}/32`) && rule.includes(words));
  transcript.statement(
    "player-0 has the mark of the tenant vpn",
    mark(player, "--set-xmark 0x10/0x10"),
  );
  transcript.statement(
    "office-0 has the mark of that name in `marks`",
    mark(office, "--set-xmark 0x20/0x20"),
  );
  transcript.statement("shop-0 has none", !mark(shop, "MARK"));
  const limits = await node.show(["tc", "qdisc", "show"], { as: "tc qdisc show", silent: true });
  transcript.statement(
    "bandwidth, before ours in the chain, has limited all three",
    (limits.output.match(/qdisc tbf /g) ?? []).length >= 3,
  );
  return [player, shop, office];
}
