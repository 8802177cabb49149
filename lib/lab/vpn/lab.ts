/** Everything that the `fwmark` plugin documents: chained, named marks, annotations from the runtime, a VPN uplink. */
import { startResponder } from "../kit/calls";
import { createRuntime, type Pod, type PodSpec, type Runtime } from "../kit/runtime";
import type { Lab, Stage } from "../kit/lab";
import { showCluster, showInbound, showInternet } from "./paths";
import { showChecks, showDeletion, showUnknownName } from "./verbs";
import { buildNet, HOST_PORT, PICTURE, writeConflist, type Net } from "./topology";

/** The fwmark plugin's own annotation. */
export const NAME = "cni.fwmark.net/name";
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

/** A pod that is attached. */
export interface Attached {
  readonly machine: Pod;
  readonly address: string;
}

/** What the steps work with. */
export interface Scene {
  readonly stage: Stage;
  readonly net: Net;
  readonly conflist: string;
  readonly runtime: Runtime;
  readonly pods: readonly [player: Attached, shop: Attached, office: Attached];
}

export const vpn: Lab = {
  picture: PICTURE,
  programs: ["iptables", "tc"],
  plugins: ["bridge", "host-local", "portmap", "bandwidth"],
  play,
};

async function play(stage: Stage): Promise<void> {
  const net = await buildNet(stage);
  const conflist = writeConflist(stage);
  for (const machine of [net.two, net.node]) await startResponder(stage, machine, 80);
  await startResponder(stage, net.internet, 80, "server");
  await showUplink(stage, net, conflist);
  const runtime = createRuntime(stage, net.node, conflist);
  const pods = await attach(stage, net, runtime);
  if (pods === undefined) return stage.story.say("Without the pods there is nothing more to show.");
  const scene: Scene = { stage, net, conflist, runtime, pods };
  for (const step of [showInternet, showCluster, showInbound, showUnknownName, showChecks])
    await step(scene);
  if (!stage.keep) await showDeletion(scene);
}

async function showUplink(stage: Stage, { node }: Net, conflist: string): Promise<void> {
  const { story, wrapper } = stage;
  story.heading(
    "The node gets a second uplink on the same wire, in another subnet, and a table for it",
  );
  for (const words of [
    "link add vpn0 link eth0 type macvlan mode bridge",
    "addr add 192.168.2.10/24 dev vpn0",
    "link set vpn0 up",
  ])
    await node.show(["ip", ...words.split(" ")]);
  await node.show(["cat", conflist], { as: "cat vpn.conflist" });
  story.say(
    "Ours is the last of the chain; there is no delegate, no kubeconfig and no API server.",
    "`marks` is the fwmark plugin's spelling; a name with routes is written under `tenants`.",
  );
  const { status, output } = await wrapper(node, [
    "routes",
    "apply",
    "--sysctl",
    "--conf",
    conflist,
  ]);
  story.claim("wrapper routes apply succeeds", status === 0);
  story.claim(
    "it makes the filter of vpn0 loose, or replies would be dropped",
    output.includes("sysctl -w net.ipv4.conf.vpn0.rp_filter=2"),
  );
  const rules = await node.show(["ip", "rule"]);
  const order = ["suppress_prefixlength 0", "fwmark 0x10/0x10 lookup 200", "32766:"].map((words) =>
    rules.output.indexOf(words),
  );
  story.claim(
    "the main table's exact routes come first, then the mark, then the default",
    order.every((at, i) => at > (order[i - 1] ?? 0)),
  );
  await node.show(["ip", "route", "show", "table", "200"]);
}

async function attach(
  stage: Stage,
  { node }: Net,
  runtime: Runtime,
): Promise<Scene["pods"] | undefined> {
  const { story } = stage;
  story.heading("Pods: the annotation comes from the runtime, with the pod");
  const attached: Attached[] = [];
  for (const spec of PODS) {
    const machine = await runtime.sandbox(spec);
    const {
      ok,
      addresses: [address = ""],
    } = await runtime.add(machine);
    if (!story.claim(`${spec.pod} is attached`, ok && address !== "")) return undefined;
    attached.push({ machine, address });
    await startResponder(stage, machine, 80);
  }
  const [player, shop, office] = attached as [Attached, Attached, Attached];
  const rules = await node.show(["iptables", "-w", "-t", "mangle", "-S", "PREROUTING"]);
  const mark = ({ address }: Attached, words: string): boolean =>
    rules.output
      .split("\n")
      .some((rule) => rule.includes(`-s ${address}/32`) && rule.includes(words));
  story.claim("player-0 has the mark of the tenant vpn", mark(player, "--set-xmark 0x10/0x10"));
  story.claim(
    "office-0 has the mark of that name in `marks`",
    mark(office, "--set-xmark 0x20/0x20"),
  );
  story.claim("shop-0 has none", !mark(shop, "MARK"));
  const limits = await node.show(["tc", "qdisc", "show"], { as: "tc qdisc show", silent: true });
  story.claim(
    "bandwidth, before ours in the chain, has limited all three",
    (limits.output.match(/qdisc tbf /g) ?? []).length >= 3,
  );
  return [player, shop, office];
}
