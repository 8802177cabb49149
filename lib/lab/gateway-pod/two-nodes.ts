/** The lab `gateway-pod` with the gateway on another node: the VXLAN between them, and what still fits through it. */
import { countPackets } from "../kit/packets";
import { attach, configure, type Scene } from "./lab";
import { startGateway, type Gateway } from "./gateways";
import { writeGatewayNetwork, writeNode1, type Choice } from "./conflists";
import { claimNothingLost, claimTooLarge } from "./mtu";
import { claimNotHidden, claimWay } from "./one-node";
import { GROUP, joinByMulticast, joinByUnicast, VXLAN_MTU, VXLAN_PORT } from "./overlay";
import { NODE1, NODE2 } from "./topology";

/** The server as destination inside a VXLAN packet, IPv4 and IPv6: behind the headers of UDP (8), VXLAN (8) and Ethernet (14 bytes), in bits. */
const INNER = ["@th,368,32 0xcb007150", "@th,432,128 0x20010db8008000000000000000000080"] as const;
const FAR: Choice = { gateways: [1], snat: "none" };
const FAR_FITTING: Choice = { ...FAR, mtu: VXLAN_MTU };

/** Returns the gateway pod of the other node. */
export async function showTwoNodes(scene: Scene): Promise<Gateway> {
  const { stage, net, conflists } = scene;
  const { story } = stage;
  story.heading("Two nodes: the gateway is a pod of node2, behind a VXLAN with a unicast peer");
  await joinByUnicast(net);
  writeGatewayNetwork(stage, VXLAN_MTU);
  story.say(
    `The gateways' second interfaces get ${VXLAN_MTU} as their MTU: the bridge plugin does not adapt by itself.`,
  );
  const gateway = await startGateway(stage, net, conflists, 1);
  story.claim("wrapper routes apply succeeds", await configure(scene, FAR));
  const tunnelled = await Promise.all(
    INNER.map((match) =>
      countPackets(
        net.node2,
        `iifname "eth0" ip saddr ${NODE1[0]} ip daddr ${NODE2[0]} udp dport ${VXLAN_PORT} ${match}`,
      ),
    ),
  );
  await claimWay(scene, gateway);
  const counts = await Promise.all(tunnelled.map((counter) => counter.read()));
  story.claim(
    `the client's packets to the server come to node2 inside the VXLAN (${counts.join(" and ")} counted there)`,
    counts.every((count) => count > 0),
  );
  await exemptOnFarNode(scene);
  await claimNotHidden(scene, gateway);
  await showMtu(scene, gateway);
  await showMulticast(scene, gateway);
  return gateway;
}

/** There the packets only cross a bridge; but where br_netfilter is loaded, as on most nodes, they meet iptables all the same. */
async function exemptOnFarNode({ stage: { story }, net: { node2 } }: Scene): Promise<void> {
  story.say(
    "node2 knows nothing of the tenant, and its own masquerading gets at bridged packets where br_netfilter",
    "is loaded. A rule of the operator's on the gateways' node exempts them:",
  );
  const rule = (tool: string): string => `${tool} -t nat -I POSTROUTING -o br-gw -j ACCEPT`;
  for (const tool of ["iptables", "ip6tables"])
    await node2.show(["sh", "-c", rule(`${tool} -w`)], { as: rule(tool) });
}

/** 1500 in the pod and 1450 on the way: reported, felt, and mended. */
async function showMtu(scene: Scene, gateway: Gateway): Promise<void> {
  const {
    stage,
    net: { node1 },
    runtime,
    pod,
  } = scene;
  const { story } = stage;
  story.heading("MTU: pods with 1500 in front of a VXLAN with 1450");
  const plan = await stage.wrapper(node1, ["routes", "plan", "--conf", writeNode1(stage, FAR)]);
  story.claim(
    "wrapper routes plan reports it, and what to set",
    /mtu.*filtered.*1500.*1450.*\/tenants\/filtered\/delegate\/mtu/is.test(plan.output),
  );
  await claimTooLarge(scene);
  story.claim("wrapper routes apply succeeds", await configure(scene, FAR_FITTING));
  const after = await stage.wrapper(node1, ["routes", "plan", "--conf", scene.conflists.nodes[0]]);
  story.claim(
    "wrapper routes plan has nothing to report any more",
    after.status === 0 && !/\bmtu\b.*1500/is.test(after.output),
  );
  story.say("Running pods keep what they have; the client's pod is made anew:");
  const gone = await runtime.del(pod);
  if (
    !story.claim("DEL of office/client-0 succeeds", gone.ok) ||
    !(await attach(stage, runtime, pod))
  )
    return;
  const link = await pod.show(["ip", "link", "show", "dev", "eth0"]);
  story.claim(
    `its interface has an MTU of ${VXLAN_MTU}`,
    link.output.includes(`mtu ${VXLAN_MTU} `),
  );
  await claimNothingLost(scene, gateway);
}

/** The same without naming any node. */
async function showMulticast(scene: Scene, gateway: Gateway): Promise<void> {
  const {
    stage: { story },
    net,
  } = scene;
  story.heading("The same with a multicast group in place of the peer");
  const flooded = await countPackets(
    net.node2,
    `iifname "eth0" ip saddr ${NODE1[0]} ip daddr ${GROUP} udp dport ${VXLAN_PORT}`,
  );
  await joinByMulticast(net);
  for (const node of [net.node1, net.node2])
    await node.show(["ip", "maddr", "show", "dev", "eth0"]);
  // What was learned from the peer before would hide that nothing is learned from the group.
  await net.node1.ip("neigh flush dev br-gw");
  await claimWay(scene, gateway);
  const count = await flooded.read();
  story.claim(
    `node2 is found by the group (${count} packets to ${GROUP} counted there)`,
    count > 0,
  );
  await claimNothingLost(scene, gateway);
}
