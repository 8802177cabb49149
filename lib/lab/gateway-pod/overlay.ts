/** What carries the network of the gateways from node to node: one VXLAN, with a unicast peer or by multicast. */
import type { Machine } from "../kit/machines";
import { NODE1, NODE2, type Net } from "./topology";

/** In the block for private use. */
export const GROUP = "239.50.0.1";
export const VXLAN_PORT = 4789;
/** What remains of the underlay's 1500: IPv4, UDP, VXLAN and the inner Ethernet take 50. */
export const VXLAN_MTU = 1450;

/** Each node sends to the other one. */
export async function joinByUnicast({ node1, node2 }: Net): Promise<void> {
  for (const [node, peer] of [
    [node1, NODE2[0]],
    [node2, NODE1[0]],
  ] as const)
    await join(node, ["remote", peer]);
}

/** Each node sends to the group what it has no node for yet. */
export async function joinByMulticast({ node1, node2 }: Net): Promise<void> {
  for (const node of [node1, node2]) {
    await node.show(["ip", "link", "del", "vx0"]);
    await join(node, ["group", GROUP]);
  }
}

async function join(node: Machine, peers: readonly string[]): Promise<void> {
  await mustShow(node, [
    "ip",
    "link",
    "add",
    "vx0",
    "type",
    "vxlan",
    "id",
    "42",
    "dev",
    "eth0",
    "dstport",
    String(VXLAN_PORT),
    ...peers,
  ]);
  await mustShow(node, ["ip", "link", "set", "vx0", "master", "br-gw", "up"]);
}

// A kernel that cannot do it is the end of the lab, said aloud.
async function mustShow(node: Machine, command: readonly string[]): Promise<void> {
  const { status } = await node.show(command);
  if (status !== 0) await node.must(command);
}
