/** The lab `gateway-pod` with the gateway on another node: the VXLAN between them, and what still fits through it. */
import { countPackets } from "../kit/packets";
import { attach, configure, type Fixture, join } from "./fixture";
import { writeGatewayNetwork, writeNode1, type Choice } from "./conflists";
import { checkNothingLost, checkTooLarge } from "./mtu";
import { checkNotHidden, checkWay } from "./one-node";
import { GROUP, NODE1, NODE2, startGateway, VXLAN_MTU, VXLAN_PORT, type Gateway } from "./topology";

/** The server as destination inside a VXLAN packet, IPv4 and IPv6: behind the headers of UDP (8), VXLAN (8) and Ethernet (14 bytes), in bits. */
const INNER = ["@th,368,32 0xcb007150", "@th,432,128 0x20010db8008000000000000000000080"] as const;
const FAR: Choice = { gateways: [1], snat: "none", ends: "peer" };
const FAR_FITTING: Choice = { ...FAR, mtu: VXLAN_MTU };

/** Returns the gateway pod of the other node. */
export async function showTwoNodes(fixture: Fixture): Promise<Gateway> {
  const { setup, topology, conflists } = fixture;
  const { transcript } = setup;
  await transcript.heading(
    "Two nodes: the gateway is a pod of node2, behind a VXLAN with a unicast peer",
  );
  await join(fixture, { gateways: [0], snat: "none", ends: "peer" });
  writeGatewayNetwork(setup, VXLAN_MTU);
  transcript.say(
    `The gateways' second interfaces get ${VXLAN_MTU} as their MTU: the bridge plugin does not adapt by itself.`,
  );
  const gateway = await startGateway(setup, topology, conflists, 1);
  transcript.statement("wrapper routes apply succeeds", await configure(fixture, FAR));
  const tunnelled = await Promise.all(
    INNER.map((match) =>
      countPackets(
        topology.node2,
        `iifname "eth0" ip saddr ${NODE1[0]} ip daddr ${NODE2[0]} udp dport ${VXLAN_PORT} ${match}`,
      ),
    ),
  );
  await checkWay(fixture, gateway);
  const counts = await Promise.all(tunnelled.map((counter) => counter.read()));
  transcript.statement(
    `the client's packets to the server come to node2 inside the VXLAN (${counts.join(" and ")} counted there)`,
    counts.every((count) => count > 0),
  );
  await exemptOnFarNode(fixture);
  await checkNotHidden(fixture, gateway);
  await showMtu(fixture, gateway);
  await showMulticast(fixture, gateway);
  return gateway;
}

/** There the packets only cross a bridge; but where br_netfilter is loaded, as on most nodes, they meet iptables all the same. */
async function exemptOnFarNode({
  setup: { transcript },
  topology: { node2 },
}: Fixture): Promise<void> {
  transcript.say(
    "node2 knows nothing of the tenant, and its own masquerading gets at bridged packets where br_netfilter",
    "is loaded. A rule of the operator's on the gateways' node exempts them:",
  );
  const rule = (tool: string): string => `${tool} -t nat -I POSTROUTING -o br-gw -j ACCEPT`;
  for (const tool of ["iptables", "ip6tables"])
    await node2.show(["sh", "-c", rule(`${tool} -w`)], { as: rule(tool) });
}

/** 1500 in the pod and 1450 on the way: reported, noticed, and fixed. */
async function showMtu(fixture: Fixture, gateway: Gateway): Promise<void> {
  const {
    setup,
    topology: { node1 },
    runtime,
    pod,
  } = fixture;
  const { transcript } = setup;
  await transcript.heading("MTU: pods with 1500 in front of a VXLAN with 1450");
  const plan = await setup.wrapper(node1, ["routes", "plan", "--conf", writeNode1(setup, FAR)]);
  transcript.statement(
    "wrapper routes plan reports it, and what to set",
    /mtu.*filtered.*1500.*1450.*\/tenants\/filtered\/delegate\/mtu/is.test(plan.output),
  );
  await checkTooLarge(fixture);
  transcript.statement("wrapper routes apply succeeds", await configure(fixture, FAR_FITTING));
  const after = await setup.wrapper(node1, [
    "routes",
    "plan",
    "--conf",
    fixture.conflists.nodes[0],
  ]);
  transcript.statement(
    "wrapper routes plan has nothing to report any more",
    after.status === 0 && !/\bmtu\b.*1500/is.test(after.output),
  );
  transcript.say("Running pods keep what they have; the client's pod is made anew:");
  const gone = await runtime.del(pod);
  if (
    !transcript.statement("DEL of office/client-0 succeeds", gone.ok) ||
    !(await attach(setup, runtime, pod))
  )
    return;
  const link = await pod.show(["ip", "link", "show", "dev", "eth0"]);
  transcript.statement(
    `its interface has an MTU of ${VXLAN_MTU}`,
    link.output.includes(`mtu ${VXLAN_MTU} `),
  );
  await checkNothingLost(fixture, gateway);
}

/** The same without naming any node. */
async function showMulticast(fixture: Fixture, gateway: Gateway): Promise<void> {
  const {
    setup: { transcript },
    topology,
  } = fixture;
  await transcript.heading("The same with a multicast group in place of the peer");
  const flooded = await countPackets(
    topology.node2,
    `iifname "eth0" ip saddr ${NODE1[0]} ip daddr ${GROUP} udp dport ${VXLAN_PORT}`,
  );
  await join(fixture, { ...FAR_FITTING, ends: "group" });
  for (const node of [topology.node1, topology.node2])
    await node.show(["ip", "maddr", "show", "dev", "eth0"]);
  // What was learned from the peer before would hide that nothing is learned from the group.
  await topology.node1.ip("neigh flush dev br-gw");
  await checkWay(fixture, gateway);
  const count = await flooded.read();
  transcript.statement(
    `node2 is found by the group (${count} packets to ${GROUP} counted there)`,
    count > 0,
  );
  await checkNothingLost(fixture, gateway);
}
