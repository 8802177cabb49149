/** The machines of the lab `external-ipam`: a node whose pods' addresses are given out by four others. */
import type { Pair } from "../kit/families";
import type { Setup } from "../kit/lab";
import { addBridge, addRoutes, cable, masquerade } from "../kit/links";
import { makeRouter, type Machine } from "../kit/machines";

export const PICTURE = `
   pods              node              gateways     addresses
  +----------+  +-----------------+
  | desk-0 A |--| br66 ------ eth9|---------------- corp  dnsmasq, on a VLAN
  |          |  | 0x10 -> 100 eth1|--- gw-a --+
  | home-0 B |--| 0x20 -> 200 isp0|--- isp ---+     isp   kea, a prefix
  | app-0  C |--| br67        eth3|--- gw-c --+     corp  a server, by HTTPS
  | db-0   D |--| br68        eth4|--- gw-d --+     the pod's annotation
  +----------+  | no mark     eth0|--- gw-0 --+--- server  203.0.113.80
                +-----------------+                       2001:db8:80::80
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
  /** The company's server: DHCP on the VLAN, and addresses over HTTPS. */
  readonly corp: Machine;
  /** The provider, tenant B's gateway. */
  readonly isp: Machine;
  readonly internet: Machine;
  readonly a: Way;
  readonly c: Way;
  readonly d: Way;
  readonly byDefault: Way;
}

/** The server's addresses, IPv4 and IPv6. */
export const SERVER = ["203.0.113.80", "2001:db8:80::80"] as const;
/** On the VLAN of tenant A: the company's server, and the node, which is the pods' gateway there. */
export const CORP = "10.66.0.1";
export const NODE_ON_VLAN = "10.66.0.2";
/** The pools of tenants A, C and D, and of pods without a tenant. */
export const POOL = {
  a: ["10.66.0.0/24"],
  c: ["10.67.0.0/25"],
  d: ["10.68.0.0/28", "fd00:68::/124"],
  plain: ["10.200.0.0/24", "fd00:200::/64"],
} as const;
/** The provider's side of its link, and the node's. */
export const ISP = ["2001:db8:2::1", "2001:db8:2::2"] as const;
/** What the provider delegates prefixes from, at first and later. */
export const PREFIXES = ["2001:db8:b000::/52", "2001:db8:c000::/52"] as const;
const PODS = [...POOL.a, ...POOL.c, ...POOL.d, ...POOL.plain];

/** Builds everything but the pods, and starts nothing. */
export async function buildTopology({ workspace }: Setup): Promise<Topology> {
  const [node, corp, isp, internet] = [
    await workspace.machine("node"),
    await workspace.machine("corp"),
    await workspace.machine("isp"),
    await workspace.machine("internet"),
  ];
  for (const router of [node, isp, internet]) await makeRouter(router);
  await addBridge(internet, "br0", ["198.51.100.254/24", "2001:db8:51::fe/64"]);
  for (const address of SERVER) await internet.ip(`addr add ${address} dev lo`);
  const way = async (name: string, dev: string, number: number): Promise<Way> =>
    addWay({ node, internet, gateway: await workspace.machine(name) }, dev, number);
  const [byDefault, a, c, d] = [
    await way("gw-0", "eth0", 0),
    await way("gw-a", "eth1", 1),
    await way("gw-c", "eth3", 3),
    await way("gw-d", "eth4", 4),
  ];
  await addRoutes(node, ["default"], ...byDefault.inside);
  await addVlan(node, corp);
  await addProvider(node, isp, internet);
  return { node, corp, isp, internet, a, c, d, byDefault };
}

/** A gateway between the node's network number so-and-so and the internet. */
async function addWay(
  { node, internet, gateway }: { node: Machine; internet: Machine; gateway: Machine },
  dev: string,
  number: number,
): Promise<Way> {
  const [lan, lan6, out] = [`10.10.${number}`, `fd00:${number}::`, number + 10];
  await makeRouter(gateway);
  await cable(
    { on: node, dev, addresses: [`${lan}.2/24`, `${lan6}2/64`] },
    { on: gateway, dev: "lan", addresses: [`${lan}.1/24`, `${lan6}1/64`] },
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
    inside: [`${lan}.1`, `${lan6}1`],
    outside: [`198.51.100.${out}`, `2001:db8:51::${out}`],
  };
}

/** The VLAN comes on a port of its own; the node is in it with a bridge, and the company's server. */
async function addVlan(node: Machine, corp: Machine): Promise<void> {
  await addBridge(node, "br66", [`${NODE_ON_VLAN}/24`]);
  await cable(
    { on: node, dev: "eth9", bridge: "br66" },
    { on: corp, dev: "vlan66", addresses: [`${CORP}/24`] },
  );
}

/** The provider routes both prefixes to itself; which of them leads on to the node, its server decides. */
async function addProvider(node: Machine, isp: Machine, internet: Machine): Promise<void> {
  await cable(
    { on: node, dev: "isp0", addresses: [`${ISP[1]}/64`] },
    { on: isp, dev: "lan", addresses: [`${ISP[0]}/64`] },
  );
  await cable(
    { on: isp, dev: "wan", addresses: ["2001:db8:51::2/64"] },
    { on: internet, dev: "to-isp", bridge: "br0" },
  );
  await addRoutes(isp, ["default"], "2001:db8:51::fe");
  await addRoutes(internet, PREFIXES, "2001:db8:51::2");
}
