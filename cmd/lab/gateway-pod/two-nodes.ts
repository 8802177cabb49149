/** The lab `gateway-pod` with the gateway on another node: the VXLAN between them, and what still fits through it. */
import { countPackets } from "../packets";
import { attach, configure, type Scene } from "./lab";
import { startGateway, type Gateway } from "./gateways";
import { writeGatewayNetwork, writeNode1, type Choice } from "./conflists";
import { claimFullSize, claimTooLarge, claimTransfer } from "./mtu";
import { claimWay } from "./one-node";
import { GROUP, joinByMulticast, joinByUnicast, VXLAN_MTU, VXLAN_PORT } from "./overlay";
import { NODE1, NODE2 } from "./topology";

const FAR: Choice = { gateways: [1], snat: "none" };
const FAR_FITTING: Choice = { ...FAR, mtu: VXLAN_MTU };

/** Returns the gateway pod of the other node. */
export async function showTwoNodes(scene: Scene): Promise<Gateway> {
  const { stage, net, conflists } = scene;
  const { story } = stage;
  story.heading("Two nodes: the gateway is a pod of node2, behind a VXLAN with a unicast peer");
  await joinByUnicast(net);
  writeGatewayNetwork(stage, VXLAN_MTU);
  story.say(`The gateways' second interfaces get ${VXLAN_MTU} as their MTU: the bridge plugin does not adapt by itself.`);
  const gateway = await startGateway(stage, net, conflists, 1);
  story.claim("wrapper routes apply succeeds", await configure(scene, FAR));
  const tunnelled = await countPackets(net.node2, `iifname "eth0" ip saddr ${NODE1[0]} ip daddr ${NODE2[0]} udp dport ${VXLAN_PORT}`);
  await claimWay(scene, gateway);
  const count = await tunnelled.read();
  story.claim(`the packets come to node2 inside the VXLAN (${count} counted there)`, count > 0);
  await showMtu(scene, gateway);
  await showMulticast(scene, gateway);
  return gateway;
}

/** 1500 in the pod and 1450 on the way: reported, felt, and mended. */
async function showMtu(scene: Scene, gateway: Gateway): Promise<void> {
  const { stage, net: { node1 }, runtime, pod } = scene;
  const { story } = stage;
  story.heading("MTU: pods with 1500 in front of a VXLAN with 1450");
  const plan = await stage.wrapper(node1, ["routes", "plan", "--conf", writeNode1(stage, FAR)]);
  story.claim("wrapper routes plan reports it, and what to set", /mtu.*filtered.*1500.*1450.*\/tenants\/filtered\/delegate\/mtu/is.test(plan.output));
  await claimTooLarge(scene);
  story.claim("wrapper routes apply succeeds", await configure(scene, FAR_FITTING));
  const after = await stage.wrapper(node1, ["routes", "plan", "--conf", scene.conflists.nodes[0]]);
  story.claim("wrapper routes plan has nothing to report any more", after.status === 0 && !/\bmtu\b.*1500/is.test(after.output));
  story.say("Running pods keep what they have; the client's pod is made anew:");
  const gone = await runtime.del(pod);
  if (!story.claim("DEL of office/client-0 succeeds", gone.ok) || !(await attach(stage, runtime, pod))) return;
  const link = await pod.show(["ip", "link", "show", "dev", "eth0"]);
  story.claim(`its interface has an MTU of ${VXLAN_MTU}`, link.output.includes(`mtu ${VXLAN_MTU} `));
  await claimFullSize(scene);
  await claimTransfer(scene, gateway);
}

/** The same without naming any node. */
async function showMulticast(scene: Scene, gateway: Gateway): Promise<void> {
  const { stage: { story }, net } = scene;
  story.heading("The same with a multicast group in place of the peer");
  const flooded = await countPackets(net.node2, `iifname "eth0" ip saddr ${NODE1[0]} ip daddr ${GROUP} udp dport ${VXLAN_PORT}`);
  await joinByMulticast(net);
  for (const node of [net.node1, net.node2]) await node.show(["ip", "maddr", "show", "dev", "eth0"]);
  // What was learned from the peer before would hide that nothing is learned from the group.
  await net.node1.ip("neigh flush dev br-gw");
  await claimWay(scene, gateway);
  const count = await flooded.read();
  story.claim(`node2 is found by the group (${count} packets to ${GROUP} counted there)`, count > 0);
  await claimFullSize(scene);
  await claimTransfer(scene, gateway);
}
