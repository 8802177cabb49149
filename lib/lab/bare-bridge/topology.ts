/** The machines of the lab `bare-bridge`: two nodes with nothing on them, and what they are connected to. */
import type { Pair } from "../kit/families";
import { addBridge, addRoutes, cable, masquerade } from "../kit/links";
import type { Setup } from "../kit/lab";
import { makeRouter, type Machine } from "../kit/machines";
import { shortJson } from "../kit/short-json";

export const PICTURE = `
       node-1  FORWARD: DROP                  node-2  FORWARD: DROP
  +---------------------------+           +-------------------------+
  | one-0  one-1  web-0 (A)   |           |          two-0          |
  |   |      |      |         |           |            |            |
  | --+-- cni0 -----+-- .1.1  |           |  -- cni0 --+-- .2.1     |
  | 10.200.1.0/24             |           |  10.200.2.0/24          |
  +---+-----------------+-----+           +------------+------------+
  eth1|                 |eth0 192.168.1.11             |eth0 192.168.1.12
      |                 +---------------+--------------+
    gw-a                                |
      | 198.51.100.11                 router .254
      +-------------------------------- + ---- server 203.0.113.80
`;

/** A node as it is bought: an address, a way out, and a firewall that forwards nothing. */
export interface BareNode {
  readonly machine: Machine;
  readonly number: 1 | 2;
  readonly own: Pair;
  readonly pods: Pair;
}

export interface Topology {
  readonly nodes: readonly [BareNode, BareNode];
  readonly router: Machine;
  readonly gateway: Machine;
}

export const SERVER: Pair = ["203.0.113.80", "2001:db8:80::80"];
/** What the server sees of those behind gw-a. */
export const OUTSIDE: Pair = ["198.51.100.11", "2001:db8:51::11"];
/** gw-a as node-1 sees it. */
const GATEWAY: Pair = ["10.10.10.131", "fd00:10::131"];
const ROUTER: Pair = ["192.168.1.254", "fd00:1::fe"];
const POD_NETWORKS: Pair = ["10.200.0.0/16", "fd00:200::/32"];

/** Builds everything but the pods. */
export async function buildTopology({ workspace }: Setup): Promise<Topology> {
  const [router, gateway] = [await workspace.machine("router"), await workspace.machine("gw-a")];
  await makeRouter(router);
  await addBridge(router, "br0", [`${ROUTER[0]}/24`, `${ROUTER[1]}/64`]);
  for (const address of SERVER) await router.ip(`addr add ${address} dev lo`);
  const nodes = [
    await addNode(await workspace.machine("node-1"), 1, router),
    await addNode(await workspace.machine("node-2"), 2, router),
  ] as const;
  await addGateway(gateway, nodes[0], router);
  return { nodes, router, gateway };
}

async function addNode(machine: Machine, number: 1 | 2, router: Machine): Promise<BareNode> {
  const own: Pair = [`192.168.1.1${number}`, `fd00:1::1${number}`];
  await cable(
    { on: machine, dev: "eth0", addresses: [`${own[0]}/24`, `${own[1]}/64`] },
    { on: router, dev: `to-node-${number}`, bridge: "br0" },
  );
  await addRoutes(machine, ["default"], ...ROUTER);
  for (const program of ["iptables", "ip6tables"])
    await machine.must([program, "-w", "-P", "FORWARD", "DROP"]);
  return { machine, number, own, pods: [`10.200.${number}.0/24`, `fd00:200:${number}::/64`] };
}

/** The tenant's gateway knows the way back to the pods of node-1; the router knows of no pods at all. */
async function addGateway(
  gateway: Machine,
  { machine, pods }: BareNode,
  router: Machine,
): Promise<void> {
  await makeRouter(gateway);
  await cable(
    { on: machine, dev: "eth1", addresses: ["10.10.10.2/24", "fd00:10::2/64"] },
    { on: gateway, dev: "lan", addresses: [`${GATEWAY[0]}/24`, `${GATEWAY[1]}/64`] },
  );
  await cable(
    { on: gateway, dev: "wan", addresses: [`${OUTSIDE[0]}/24`, `${OUTSIDE[1]}/64`] },
    { on: router, dev: "to-gw-a", addresses: ["198.51.100.254/24", "2001:db8:51::fe/64"] },
  );
  await addRoutes(gateway, ["default"], "198.51.100.254", "2001:db8:51::fe");
  await addRoutes(gateway, pods, "10.10.10.2", "fd00:10::2");
  await masquerade(gateway, "wan");
}

/** The plugin object of a node: everything that it needs to know, the way to the other node's pods included. */
function pluginOf({ dir }: Setup, node: BareNode, other: BareNode, tenants: object): object {
  const files = `${dir}/node-${node.number}`;
  return {
    type: "tenant-routing-wrapper",
    dataDir: `${files}/state`,
    logFile: `${files}/wrapper.log`,
    capabilities: { "io.kubernetes.cri.pod-annotations": true },
    ...tenants,
    routes: {
      namesDir: `${files}/rt_tables.d`,
      podNetworks: POD_NETWORKS,
      nodeRoutes: other.pods.map((dst, at) => ({ dst, via: other.own[at] })),
      masquerade: true,
      acceptForward: true,
    },
    delegate: {
      type: "bridge",
      bridge: "cni0",
      isGateway: true,
      isDefaultGateway: true,
      ipam: {
        type: "host-local",
        dataDir: `${files}/ipam`,
        ranges: node.pods.map((subnet) => [{ subnet }]),
      },
    },
  };
}

/** node-1 has a conflist and a tenant, node-2 the flat form without one. Returns their paths. */
export function writeConfigurations(
  setup: Setup,
  { nodes: [one, two] }: Topology,
): readonly [string, string] {
  const { cniVersion, write } = setup;
  const tenants = {
    tenants: {
      "tenant-a": {
        fwmark: "0x10/0xff",
        table: 100,
        gateways: GATEWAY.map((via) => ({ via, dev: "eth1" })),
      },
    },
  };
  const list = { cniVersion, name: "bare", plugins: [pluginOf(setup, one, two, tenants)] };
  const flat = { cniVersion, name: "bare", ...pluginOf(setup, two, one, {}) };
  return [
    write("10-bare.conflist", `${shortJson(list)}\n`),
    write("10-bare.conf", `${shortJson(flat)}\n`),
  ];
}
