/** The machines of the lab `vpn`: a node as k3s has it, with a second uplink on the same wire. */
import { addBridge, addRoutes, cable, masquerade } from "../kit/links";
import type { Setup } from "../kit/lab";
import { makeRouter, type Machine } from "../kit/machines";
import { shortJson } from "../kit/short-json";

export const PICTURE = `
    pods 10.42.0.0/24        node              switch
  +-----------------+   +------------+      +-------+
  | player-0 (vpn)  |   |       eth0 |------|       |-- router ---+
  | shop-0          |---| cni0   |   |      |       |  10.0.0.1   |
  | office-0        |   |       vpn0 |------|       |             server
  +-----------------+   |  (macvlan) |      |       |-- vpn-gw ---+
                        +------------+      |       |  192.168.2.1
    other node: two-0 ----------------------+-------+
`;

export interface Topology {
  readonly node: Machine;
  readonly router: Machine;
  readonly vpn: Machine;
  readonly internet: Machine;
  readonly client: Machine;
  /** A pod on another node; it answers at TWO. */
  readonly two: Machine;
}

export const SERVER = "203.0.113.80";
export const CLIENT = "192.0.2.50";
/** What the server sees of those behind the router and behind vpn-gw. */
export const BY_ROUTER = "198.51.100.1";
export const BY_VPN = "198.51.100.66";
export const NODE = "10.0.0.2";
export const VPN_GATEWAY = "192.168.2.1";
export const PODS = "10.42.0.0/24";
export const TWO = "10.42.1.5";
/** A Service whose endpoint is the pod on the other node. */
export const SERVICE = "10.43.0.10";
export const HOST_PORT = 8080;

/** Builds everything but vpn0 and the pods. */
export async function buildTopology({ workspace }: Setup): Promise<Topology> {
  const [node, sw, internet, client, two] = [
    await workspace.machine("node"),
    await workspace.machine("switch"),
    await workspace.machine("internet"),
    await workspace.machine("client"),
    await workspace.machine("two-0"),
  ];
  for (const machine of [node, internet]) await makeRouter(machine);
  await addBridge(sw, "br0");
  await addBridge(internet, "br0", ["198.51.100.254/24"]);
  await internet.ip(`addr add ${SERVER}/32 dev lo`);
  await cable(
    { on: node, dev: "eth0", addresses: [`${NODE}/24`] },
    { on: sw, dev: "to-node", bridge: "br0" },
  );
  const router = await addExit(
    { machine: await workspace.machine("router"), sw, internet },
    "10.0.0.1",
    BY_ROUTER,
  );
  const vpn = await addExit(
    { machine: await workspace.machine("vpn-gw"), sw, internet },
    VPN_GATEWAY,
    BY_VPN,
  );
  await addRoutes(node, ["default"], "10.0.0.1");
  await addOtherNode(two, sw, node);
  await addClient(client, internet, router);
  // Strict, as several distributions have it; and each of two interfaces on one wire answers for its own addresses only.
  await node.sysctl({
    "net.ipv4.conf.all.arp_ignore": 1,
    "net.ipv4.conf.all.arp_announce": 2,
    "net.ipv4.conf.default.rp_filter": 1,
    "net.ipv4.conf.eth0.rp_filter": 1,
  });
  await addService(node);
  return { node, router, vpn, internet, client, two };
}

/** A router between the switch and the internet, which hides what is behind it. */
async function addExit(
  { machine, sw, internet }: { machine: Machine; sw: Machine; internet: Machine },
  inside: string,
  outside: string,
): Promise<Machine> {
  await makeRouter(machine);
  await cable(
    { on: machine, dev: "lan", addresses: [`${inside}/24`] },
    { on: sw, dev: `to-${machine.name}`, bridge: "br0" },
  );
  await cable(
    { on: machine, dev: "wan", addresses: [`${outside}/24`] },
    { on: internet, dev: `to-${machine.name}`, bridge: "br0" },
  );
  await addRoutes(machine, ["default"], "198.51.100.254");
  await masquerade(machine, "wan");
  return machine;
}

async function addOtherNode(two: Machine, sw: Machine, node: Machine): Promise<void> {
  await cable(
    { on: two, dev: "eth0", addresses: ["10.0.0.3/24"] },
    { on: sw, dev: "to-two", bridge: "br0" },
  );
  await two.ip(`addr add ${TWO}/32 dev lo`);
  await addRoutes(two, [PODS], NODE);
  await addRoutes(node, ["10.42.1.0/24"], "10.0.0.3");
}

/** The router's public port leads to the node's port. */
async function addClient(client: Machine, internet: Machine, router: Machine): Promise<void> {
  await cable(
    { on: client, dev: "eth0", addresses: [`${CLIENT}/24`] },
    { on: internet, dev: "to-client", addresses: ["192.0.2.1/24"] },
  );
  await addRoutes(client, ["default"], "192.0.2.1");
  const rules = `table ip lab-dnat { chain pre { type nat hook prerouting priority dstnat; iifname "wan" tcp dport ${HOST_PORT} dnat to ${NODE}; }; }\n`;
  await router.must(["nft", "-f", "-"], { stdin: rules });
}

/** As kube-proxy does it. */
async function addService(node: Machine): Promise<void> {
  const rules = `table ip lab-service { chain pre { type nat hook prerouting priority dstnat; ip daddr ${SERVICE} tcp dport 80 dnat to ${TWO}; }; }\n`;
  await node.must(["nft", "-f", "-"], { stdin: rules });
}

/** The list of a k3s node, where flannel delegates to a bridge, with this plugin at its end. Returns its path. */
export function writeConflist({ dir, cniVersion, write }: Setup): string {
  const bridge = {
    type: "bridge",
    bridge: "cni0",
    isDefaultGateway: true,
    hairpinMode: true,
    ipMasq: true,
    ipam: { type: "host-local", subnet: PODS, dataDir: `${dir}/ipam` },
  };
  const ours = {
    type: "tenant-routing-wrapper",
    dataDir: `${dir}/state`,
    logFile: `${dir}/wrapper.log`,
    capabilities: { "io.kubernetes.cri.pod-annotations": true },
    marks: { office: { mark: 32, mask: 32 } },
    tenants: {
      vpn: { fwmark: "0x10/0x10", table: 200, gateways: [{ via: VPN_GATEWAY, dev: "vpn0" }] },
    },
    routes: {
      namesDir: `${dir}/rt_tables.d`,
      links: { vpn0: { type: "macvlan", parent: "eth0", addresses: ["192.168.2.10/24"] } },
    },
  };
  const others = [
    { type: "portmap", capabilities: { portMappings: true } },
    { type: "bandwidth", capabilities: { bandwidth: true } },
  ];
  return write(
    "vpn.conflist",
    `${shortJson({ cniVersion, name: "cbr0", plugins: [bridge, ...others, ours] })}\n`,
  );
}
