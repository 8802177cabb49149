/** The machines of the lab `source-pool`, and the conflist that is the node's whole configuration, and the router's. */
import type { Pair } from "../kit/families";
import { addRoutes, cable } from "../kit/links";
import type { Setup } from "../kit/lab";
import { makeRouter, type Machine } from "../kit/machines";
import { shortJson } from "../kit/short-json";

export const PICTURE = `
   pods                                         router
  +----------+  10.200.0.0/24              +-----------+ wan0  198.51.100.2
  | shop-0   |--2001:db8:200::/64--+       |  by the   |----- isp -------+
  +----------+                   +-+----+  |  source   |      (office)   |
                                 | node |--|  address  |               server
  +----------+                   +-+----+  |           |                 |
  | player-0 |--10.201.0.0/24------+       |           |----- vpn-exit --+
  +----------+  fd00:201::/64              +-----+-----+ vpn0  192.0.2.66
   tenant vpn                               lan0 |
                                                nas
`;

export const SERVER: Pair = ["203.0.113.80", "2001:db8:80::80"];
/** In the router's own network. */
export const NAS: Pair = ["192.168.7.20", "fd00:7::20"];
/** Of the company too, but the router's main table knows it only by its default route. */
export const OFFICE: Pair = ["172.20.0.10", "fd00:20::10"];
const LAN = ["192.168.0.0/16", "172.20.0.0/16", "fd00:7::/64", "fd00:20::/64"];
const NODE: Pair = ["10.0.0.11", "fd00:1::11"];
export const ROUTER: Pair = ["10.0.0.1", "fd00:1::1"];
export const POOLS: Pair = ["10.200.0.0/24", "2001:db8:200::/64"];
export const VPN_POOLS: Pair = ["10.201.0.0/24", "fd00:201::/64"];

/** A way out of the router. */
export interface Uplink {
  /** The machine at its other end. */
  readonly beyond: Machine;
  /** That machine's addresses towards the router. */
  readonly via: Pair;
  /** The router's own on it. */
  readonly own: Pair;
}

export interface Topology {
  readonly node: Machine;
  readonly router: Machine;
  readonly nas: Machine;
  readonly internet: Machine;
  readonly isp: Uplink;
  readonly vpn: Uplink;
}

const ISP = {
  name: "isp",
  dev: "wan0",
  via: ["198.51.100.1", "2001:db8:51::1"],
  own: ["198.51.100.2", "2001:db8:51::2"],
  behind: ["10.10.1.1", "2001:db8:f1::1"],
} as const;
const VPN = {
  name: "vpn-exit",
  dev: "vpn0",
  via: ["192.0.2.1", "2001:db8:66::1"],
  own: ["192.0.2.66", "2001:db8:66::66"],
  behind: ["10.10.2.1", "2001:db8:f2::1"],
} as const;

/** Builds everything but the pods and what the printed configuration does to the router. */
export async function buildTopology({ workspace }: Setup): Promise<Topology> {
  const [node, router, nas, internet] = [
    await workspace.machine("node"),
    await workspace.machine("router"),
    await workspace.machine("nas"),
    await workspace.machine("internet"),
  ];
  await makeRouter(internet);
  await cable(
    { on: node, dev: "eth0", addresses: withLength(NODE) },
    { on: router, dev: "pods0", addresses: withLength(ROUTER) },
  );
  await addRoutes(node, ["default"], ...ROUTER);
  await cable(
    { on: nas, dev: "eth0", addresses: withLength(NAS) },
    { on: router, dev: "lan0", addresses: ["192.168.7.1/24", "fd00:7::1/64"] },
  );
  await addRoutes(nas, ["default"], "192.168.7.1", "fd00:7::1");
  for (const address of SERVER) await internet.ip(`addr add ${address} dev lo`);
  const [isp, vpn] = [
    await addUplink({ workspace, router, internet }, ISP),
    await addUplink({ workspace, router, internet }, VPN),
  ];
  for (const address of OFFICE) await isp.beyond.ip(`addr add ${address} dev lo`);
  // The office and a packet that leaks: both would get their answers without any translation.
  await addRoutes(isp.beyond, [...POOLS, ...VPN_POOLS], ...ISP.own);
  // The public prefix is routed to the site, as a provider does it.
  await addRoutes(internet, [POOLS[1]], ISP.behind[1]);
  // Strict, because rules by source address do not need it loose; and IPv6 addresses that outlive their link being down, as with networkd.
  const strict = ["pods0", "lan0", "wan0", "vpn0"].map(
    (dev) => [`net.ipv4.conf.${dev}.rp_filter`, 1] as const,
  );
  await router.sysctl({ ...Object.fromEntries(strict), "net.ipv6.conf.all.keep_addr_on_down": 1 });
  return { node, router, nas, internet, isp, vpn };
}

/** From the router to the internet by a machine of its own. */
async function addUplink(
  {
    workspace,
    router,
    internet,
  }: { workspace: Setup["workspace"]; router: Machine; internet: Machine },
  { name, dev, via, own, behind }: typeof ISP | typeof VPN,
): Promise<Uplink> {
  const beyond = await workspace.machine(name);
  await makeRouter(beyond);
  await cable(
    { on: router, dev, addresses: withLength(own) },
    { on: beyond, dev: "customer", addresses: withLength(via) },
  );
  const far = behind.map((address) => address.replace(/1$/, "2")) as unknown as Pair;
  await cable(
    { on: beyond, dev: "backbone", addresses: withLength(behind) },
    { on: internet, dev: `to-${name}`, addresses: withLength(far) },
  );
  await addRoutes(beyond, ["default"], ...far);
  await addRoutes(
    internet,
    own.map((address) => networkOf(address)),
    ...behind,
  );
  return { beyond, via, own };
}

function withLength(addresses: readonly string[]): readonly string[] {
  return addresses.map((address) => `${address}/${address.includes(":") ? 64 : 24}`);
}

function networkOf(address: string): string {
  return address.includes(":")
    ? address.replace(/[^:]+$/, "/64")
    : address.replace(/[^.]+$/, "0/24");
}

/** What the router is for: each tenant's uplink, and the networks that it reaches without one. */
const ROUTER_CONF = {
  nodes: NODE,
  lan: LAN,
  uplinks: {
    default: { dev: ISP.dev, via: ISP.via, snat6: "none" },
    vpn: { dev: VPN.dev, via: VPN.via, table: 200, snat6: "masquerade" },
  },
};

/** Returns its path. */
export function writeConflist({ dir, cniVersion, write }: Setup): string {
  const ours = {
    type: "tenant-routing-wrapper",
    dataDir: `${dir}/state`,
    logFile: `${dir}/wrapper.log`,
    capabilities: { "io.kubernetes.cri.pod-annotations": true },
    tenants: {
      vpn: {
        fwmark: "0x20/0xff",
        delegate: { ipam: { ranges: VPN_POOLS.map((subnet) => [{ subnet }]) } },
      },
    },
    delegate: {
      type: "ptp",
      ipMasq: false,
      ipam: {
        type: "host-local",
        dataDir: `${dir}/ipam`,
        ranges: POOLS.map((subnet) => [{ subnet }]),
        routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
      },
    },
    router: ROUTER_CONF,
  };
  return write(
    "source-pool.conflist",
    `${shortJson({ cniVersion, name: "source-pool", plugins: [ours] })}\n`,
  );
}
