/** The machines of the lab `tenants`, and the node's whole configuration. */
import type { Pair } from "../kit/families";
import { addBridge, addRoutes, cable, masquerade } from "../kit/links";
import type { Setup } from "../kit/lab";
import { makeRouter, type Machine } from "../kit/machines";
import { POD_ANNOTATIONS } from "../kit/libcni";
import { shortJson } from "../kit/short-json";
import { kubeconfigOf } from "../kit/api/server";

export const PICTURE = `
   pods 10.200.0.0/24           node             gateways         internet
        fd00:200::/64
  +-------------+      +-------------------+
  | web-0     A |------|              eth1 |---- gw-a ---------+
  +-------------+      | 0x10 -> table 100 |     198.51.100.11 |
  | api-0     B |------|              eth2 |---- gw-b ---------+-- server
  +-------------+      | 0x20 -> table 200 |     198.51.100.22 |   203.0.113.80
  | client-0    |------|              eth0 |---- gw-default ---+
  +-------------+      | no mark -> main   |     198.51.100.1  +-- client
                       +-------------------+                       192.0.2.50
`;

/** A gateway of the node, as the pods' packets meet it. */
export interface Way {
  readonly machine: Machine;
  /** Towards the node, IPv4 and IPv6. */
  readonly inside: Pair;
  /** What the internet sees of those behind it, IPv4 and IPv6. */
  readonly outside: Pair;
}

export interface Topology {
  readonly node: Machine;
  readonly internet: Machine;
  readonly client: Machine;
  readonly a: Way;
  readonly b: Way;
  readonly byDefault: Way;
}

/** The server's addresses, IPv4 and IPv6. */
export const SERVER = ["203.0.113.80", "2001:db8:80::80"] as const;
/** The networks that they are in. */
export const NETWORK = ["203.0.113.0/24", "2001:db8:80::/64"] as const;
/** The outside client's. */
export const CLIENT = ["192.0.2.50", "2001:db8:c::50"] as const;
/** The node's on eth0. */
export const NODE = ["10.0.0.2", "fd00::2"] as const;
const PODS = ["10.200.0.0/24", "fd00:200::/64"] as const;
/** Where gw-default hands calls from outside to the node, and the node to web-0. */
export const NODE_PORT = 30080;

/** Builds everything but the pods. */
export async function buildTopology({ workspace }: Setup): Promise<Topology> {
  const [node, internet, client] = [
    await workspace.machine("node"),
    await workspace.machine("internet"),
    await workspace.machine("client"),
  ];
  for (const router of [node, internet]) await makeRouter(router);
  await addBridge(internet, "br0", ["198.51.100.254/24", "2001:db8:51::fe/64"]);
  for (const address of SERVER) await internet.ip(`addr add ${address} dev lo`);
  const way = async (name: string, dev: string, number: number): Promise<Way> =>
    addWay({ node, internet, gateway: await workspace.machine(name) }, dev, number);
  const [byDefault, a, b] = [
    await way("gw-default", "eth0", 0),
    await way("gw-a", "eth1", 10),
    await way("gw-b", "eth2", 20),
  ];
  await addRoutes(node, ["default"], ...byDefault.inside);
  await ageNeighboursFast(node, "eth1");
  // Strict, as several distributions have it; and IPv6 addresses that outlive their link being down, as with networkd.
  await node.sysctl({
    "net.ipv4.conf.eth0.rp_filter": 1,
    "net.ipv4.conf.eth1.rp_filter": 1,
    "net.ipv4.conf.eth2.rp_filter": 1,
    "net.ipv6.conf.all.keep_addr_on_down": 1,
  });
  await cable(
    { on: client, dev: "eth0", addresses: [`${CLIENT[0]}/24`, `${CLIENT[1]}/64`] },
    { on: internet, dev: "to-client", addresses: ["192.0.2.1/24", "2001:db8:c::1/64"] },
  );
  await addRoutes(client, ["default"], "192.0.2.1", "2001:db8:c::1");
  await forwardNodePort(byDefault.machine);
  return { node, internet, client, a, b, byDefault };
}

/** A gateway between the node's network `10.<number>` and the internet. */
async function addWay(
  { node, internet, gateway }: { node: Machine; internet: Machine; gateway: Machine },
  dev: string,
  number: number,
): Promise<Way> {
  const lan = number === 0 ? "10.0.0" : `10.10.${number}`;
  const lan6 = number === 0 ? "fd00::" : `fd00:${number}::`;
  const host = number === 0 ? 1 : 131;
  const out = number === 0 ? 1 : number + number / 10;
  await makeRouter(gateway);
  await cable(
    { on: node, dev, addresses: [`${lan}.2/24`, `${lan6}2/64`] },
    { on: gateway, dev: "lan", addresses: [`${lan}.${host}/24`, `${lan6}${host}/64`] },
  );
  await cable(
    { on: gateway, dev: "wan", addresses: [`198.51.100.${out}/24`, `2001:db8:51::${out}/64`] },
    { on: internet, dev: `to-${gateway.name}`, bridge: "br0" },
  );
  await addRoutes(gateway, ["default"], "198.51.100.254", "2001:db8:51::fe");
  await addRoutes(gateway, PODS, `${lan}.2`, `${lan6}2`);
  await masquerade(gateway, "wan");
  return {
    machine: gateway,
    inside: [`${lan}.${host}`, `${lan6}${host}`],
    outside: [`198.51.100.${out}`, `2001:db8:51::${out}`],
  };
}

/** A neighbour that stops answering is noticed within seconds instead of up to a minute. */
async function ageNeighboursFast(node: Machine, dev: string): Promise<void> {
  for (const family of ["ipv4", "ipv6"]) {
    await node.sysctl({
      [`net.${family}.neigh.${dev}.base_reachable_time_ms`]: 1000,
      [`net.${family}.neigh.${dev}.delay_first_probe_time`]: 1,
    });
  }
}

/** A client of a service in the cluster: the public addresses of gw-default lead to the node's port. */
async function forwardNodePort(gateway: Machine): Promise<void> {
  const rules = `table inet lab-dnat { chain pre { type nat hook prerouting priority dstnat;
    iifname "wan" tcp dport ${NODE_PORT} dnat ip to ${NODE[0]}
    iifname "wan" tcp dport ${NODE_PORT} dnat ip6 to ${NODE[1]}; }; }\n`;
  await gateway.must(["nft", "-f", "-"], { stdin: rules });
}

interface More {
  /** What an agent of the node needs besides: gateway B as tenant A's second one, which gets little until A is lost. */
  readonly agentSocket?: string;
  /** Tenant A's networks with gateways of their own. */
  readonly routes?: readonly object[];
}

/** A gateway in both families, as tenants have it. */
export function hopsOf({ inside }: Way, dev: string, more: object = {}): readonly object[] {
  return inside.map((via) => ({ via, dev, ...more }));
}

/**
 * One conflist is the whole configuration of the node. With an API server it names a kubeconfig,
 * else it asks the runtime for the pods' annotations. Returns its path.
 */
export function writeConflist(
  setup: Setup,
  { a, b }: Topology,
  { agentSocket, routes = [] }: More = {},
): string {
  const { apiServer, dir, cniVersion, write } = setup;
  const ofA =
    agentSocket === undefined
      ? hopsOf(a, "eth1")
      : [...hopsOf(a, "eth1", { weight: 256 }), ...hopsOf(b, "eth2", { weight: 1 })];
  const watch = { interval: "500ms", timeout: "500ms", holdDown: "2s", statusFile: "" };
  const source =
    apiServer === undefined
      ? { capabilities: { [POD_ANNOTATIONS]: true, portMappings: true } }
      : { kubeconfig: kubeconfigOf(setup), capabilities: { portMappings: true } };
  const ours = {
    type: "tenant-routing-wrapper",
    ...source,
    dataDir: `${dir}/state`,
    logFile: `${dir}/wrapper.log`,
    ...(agentSocket !== undefined && { agent: { socket: agentSocket } }),
    routes: { namesDir: `${dir}/rt_tables.d`, ...(agentSocket !== undefined && { watch }) },
    tenants: {
      "tenant-a": {
        ...{ fwmark: "0x10/0xff", table: 100, gateways: ofA },
        ...(routes.length > 0 && { routes }),
      },
      "tenant-b": { fwmark: "0x20/0xff", table: 200, gateways: hopsOf(b, "eth2") },
    },
    delegate: {
      type: "ptp",
      ipMasq: false,
      ipam: {
        type: "host-local",
        dataDir: `${dir}/ipam`,
        ranges: PODS.map((subnet) => [{ subnet }]),
        routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
      },
    },
  };
  const portmap = { type: "portmap", capabilities: { portMappings: true } };
  return write(
    "tenants.conflist",
    `${shortJson({ cniVersion, name: "tenants", plugins: [ours, portmap] })}\n`,
  );
}
