/** The machines of the lab `gateway-pod`, and what a cluster brings: pod networks, masquerading, a bridge for the gateways. */
import type { Pair } from "../kit/families";
import { addBridge, addRoutes, cable } from "../kit/links";
import type { Setup } from "../kit/lab";
import { makeRouter, type Machine } from "../kit/machines";
import { createRuntime, type Pod, type Runtime } from "../kit/runtime";

export const PICTURE = `
   node1 10.0.0.11                            node2 10.0.0.12
  +---------------------------------+        +---------------------------------+
  | plain-0    no mark -> main      |        |                                 |
  | client-0   0x10 -> table 100    |        |                                 |
  |              |                  | VXLAN  |                                 |
  |            br-gw 10.50.0.1 -----|--------|--- br-gw 10.50.0.2              |
  |              |                  |        |      |                          |
  |            gw-0  10.50.0.11     |        |    gw-1  10.50.0.12             |
  +--------------| tun0 ------------+        +------| tun0 -------------------+
           198.51.100.11                         198.51.100.12
                 +------------------ server ------------+   203.0.113.80
`;

export const SERVER: Pair = ["203.0.113.80", "2001:db8:80::80"];
/** With everything that the watcher asks for. */
export const SERVERS: Pair = ["203.0.113.0/24", "2001:db8:80::/64"];
/** What the filter of a gateway pod forbids. */
export const FORBIDDEN_PORT = 81;
/** The nodes' underlay. */
export const NODE1: Pair = ["10.0.0.11", "fd00::11"];
export const NODE2: Pair = ["10.0.0.12", "fd00::12"];
const ROUTER: Pair = ["10.0.0.254", "fd00::fe"];
/** node1's and node2's. */
export const POD_NETWORKS: readonly [Pair, Pair] = [
  ["10.200.1.0/24", "fd00:200:1::/64"],
  ["10.200.2.0/24", "fd00:200:2::/64"],
];
const ALL_PODS: Pair = ["10.200.0.0/16", "fd00:200::/32"];
/** node1's and node2's in the network of the gateways. */
export const ON_BRIDGE: readonly [Pair, Pair] = [
  ["10.50.0.1", "fd00:50::1"],
  ["10.50.0.2", "fd00:50::2"],
];
const BEYOND_TUNNELS: Pair = ["198.51.100.254", "2001:db8:51::fe"];

export interface Topology {
  readonly node1: Machine;
  readonly node2: Machine;
  /** Also the nodes' switch and router. */
  readonly internet: Machine;
}

/** In the block for private use. */
export const GROUP = "239.50.0.1";
export const VXLAN_PORT = 4789;
/** What remains of the underlay's 1500: IPv4, UDP, VXLAN and the inner Ethernet take 50. */
export const VXLAN_MTU = 1450;

export interface Gateway {
  readonly machine: Pod;
  /** In the network of the gateways. */
  readonly inside: Pair;
  /** What the internet sees of those behind it. */
  readonly outside: Pair;
  readonly cluster: Runtime;
  readonly network: Runtime;
}

/** Where the conflists are. */
export interface Conflists {
  readonly nodes: readonly [string, string];
  readonly gateways: string;
}

/** Everything but the pods and the network of the gateways. */
export async function buildTopology({ workspace }: Setup): Promise<Topology> {
  const internet = await workspace.machine("internet");
  await makeRouter(internet);
  await addBridge(internet, "br0", withLength(ROUTER));
  await addBridge(internet, "tunnels", withLength(BEYOND_TUNNELS));
  for (const address of [...SERVER, ...addressesOf(0).beyond, ...addressesOf(1).beyond])
    await internet.ip(`addr add ${address} dev lo`);
  const node1 = await addNode(await workspace.machine("node1"), internet, NODE1);
  const node2 = await addNode(await workspace.machine("node2"), internet, NODE2);
  await addRoutes(node1, POD_NETWORKS[1], ...NODE2);
  await addRoutes(node2, POD_NETWORKS[0], ...NODE1);
  return { node1, node2, internet };
}

async function addNode(node: Machine, internet: Machine, own: Pair): Promise<Machine> {
  await makeRouter(node);
  await cable(
    { on: node, dev: "eth0", addresses: withLength(own) },
    { on: internet, dev: `to-${node.name}`, bridge: "br0" },
  );
  await addRoutes(node, ["default"], ...ROUTER);
  for (const [at, tool] of ["iptables", "ip6tables"].entries())
    await node.must(["sh", "-e"], { stdin: kindnet(tool, ALL_PODS[at] ?? "") });
  return node;
}

/** What kindnet and the ip-masq-agent do; kube-proxy and Flannel have much the same. */
function kindnet(tool: string, pods: string): string {
  return [
    "-N KIND-MASQ-AGENT",
    `-A KIND-MASQ-AGENT -d ${pods} -j RETURN`,
    "-A KIND-MASQ-AGENT -j MASQUERADE",
    "-A POSTROUTING -m addrtype ! --dst-type LOCAL -j KIND-MASQ-AGENT",
  ]
    .map((rule) => `${tool} -w -t nat ${rule}\n`)
    .join("");
}

export interface GatewayAddresses {
  /** In the network of the gateways. */
  readonly inside: Pair;
  /** Of its tunnel. */
  readonly outside: Pair;
  /** Of the internet, to find out whether the tunnel works. */
  readonly beyond: Pair;
}

/** Of gw-0, gw-1 and so on. */
export function addressesOf(gateway: number): GatewayAddresses {
  const host = 11 + gateway;
  return {
    inside: [`10.50.0.${host}`, `fd00:50::${host}`],
    outside: [`198.51.100.${host}`, `2001:db8:51::${host}`],
    beyond: [`203.0.113.${host}`, `2001:db8:80::${host}`],
  };
}

/** Makes a router of a pod: its tunnel (here a cable), its routes, its translation, and a filter. */
async function makeGateway(pod: Machine, gateway: number, internet: Machine): Promise<void> {
  await cable(
    { on: pod, dev: "tun0", addresses: withLength(addressesOf(gateway).outside) },
    { on: internet, dev: `to-${pod.name}`, bridge: "tunnels" },
  );
  await makeRouter(pod);
  await pod.sysctl({ "net.ipv6.conf.tun0.keep_addr_on_down": 1 });
  const rules = `table inet gateway {
    chain nat { type nat hook postrouting priority srcnat; oifname "tun0" masquerade; }
    chain filter { type filter hook forward priority filter; tcp dport ${FORBIDDEN_PORT} reject with icmpx admin-prohibited; }
  }\n`;
  await pod.must(["nft", "-f", "-"], { stdin: rules });
  await routeGateway(pod);
}

/** The routes of a gateway pod: out by its tunnel, back to node1's pods by the way that they came. */
export async function routeGateway(pod: Machine): Promise<void> {
  for (const [at, family] of ["-4", "-6"].entries()) {
    await pod.ip(`${family} route replace default via ${BEYOND_TUNNELS[at] ?? ""} dev tun0`);
    await pod.ip(
      `${family} route replace ${POD_NETWORKS[0][at] ?? ""} via ${ON_BRIDGE[0][at] ?? ""} dev net1`,
    );
  }
}

/** With the lengths of this lab's networks. */
export function withLength(addresses: readonly string[]): readonly string[] {
  return addresses.map((address) => `${address}/${address.includes(":") ? 64 : 24}`);
}

/** Starts the gateway pod gw-`number` on node1 or node2. */
export async function startGateway(
  setup: Setup,
  topology: Topology,
  { nodes, gateways }: Conflists,
  number: 0 | 1,
): Promise<Gateway> {
  const node = number === 0 ? topology.node1 : topology.node2;
  const [cluster, network] = [
    createRuntime(setup, node, nodes[number]),
    createRuntime(setup, node, gateways, "net1"),
  ];
  const { inside, outside } = addressesOf(number);
  const machine = await cluster.sandbox({
    pod: `vpn/gw-${number}`,
    offers: { ips: [...withLength(inside)] },
  });
  const gateway = { machine, inside, outside, cluster, network };
  const [first, second] = [await cluster.add(machine), await network.add(machine)];
  setup.transcript.statement(
    `${machine.spec.pod} is attached to the cluster's network and to that of the gateways`,
    first.ok && second.ok,
  );
  await makeGateway(machine, number, topology.internet);
  return gateway;
}

/** Its second interface again, with what the conflist says now. */
export async function renewInterface({ machine, network }: Gateway): Promise<boolean> {
  const [gone, back] = [await network.del(machine), await network.add(machine)];
  if (back.ok) await routeGateway(machine);
  return gone.ok && back.ok;
}

/** The pod ends. */
export async function endGateway({ machine, cluster, network }: Gateway): Promise<boolean> {
  const [second, first] = [await network.del(machine), await cluster.del(machine)];
  return second.ok && first.ok;
}
