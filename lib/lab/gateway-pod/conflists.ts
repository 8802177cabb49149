/** The conflists of the lab `gateway-pod`: each node's own, and that of the network where the gateway pods have their second interface. */
import type { Setup } from "../kit/lab";
import { shortJson } from "../kit/short-json";
import { addressesOf, GROUP, NODE1, NODE2, ON_BRIDGE, POD_NETWORKS, withLength } from "./topology";

/** How the tenant is routed in a step. */
export interface Choice {
  /** The gateway pods, by number. */
  readonly gateways: readonly number[];
  readonly snat?: "none";
  /** Of the tenant's pods and of its routes. */
  readonly mtu?: number;
  /** The watcher asks an address beyond each gateway's tunnel. */
  readonly check?: boolean;
  /** How the nodes' bridges are joined by a VXLAN; left out, they are not. */
  readonly ends?: Ends;
}

/** By the other node's address, or by a multicast group. */
export type Ends = "peer" | "group";

const WATCH = { interval: "200ms", timeout: "1s", failAfter: 3, holdDown: "3s" };

/** node1's conflist with the tenant as chosen; returns its path, always the same. */
export function writeNode1(setup: Setup, choice: Choice): string {
  return write(setup, 1, { tenants: { filtered: tenantOf(choice) }, ends: choice.ends });
}

/** node2 has no pods of the tenant. */
export function writeNode2(setup: Setup, ends?: Ends): string {
  return write(setup, 2, { tenants: { filtered: { fwmark: "0x10/0xff" } }, ends });
}

/** The network of the gateways on a node: a bridge, and what joins it to the other node's. */
function linksOf(node: 1 | 2, ends: Ends | undefined): object {
  const bridge = {
    type: "bridge",
    // Left to itself a bridge takes the lowest of its ports' addresses, and neighbours lose it when a port comes or goes.
    mac: `02:00:0a:32:00:0${node}`,
    addresses: withLength(ON_BRIDGE[node - 1] ?? []),
  };
  if (ends === undefined) return { "br-gw": bridge };
  const others = ends === "peer" ? { remotes: [NODE1[0], NODE2[0]] } : { group: GROUP };
  return {
    "br-gw": { ...bridge, ports: ["vx0"] },
    vx0: { type: "vxlan", id: 42, parent: "eth0", ...others },
  };
}

/** As in the conflist. */
export function tenantOf({ gateways, snat, mtu, check }: Choice): object {
  return {
    fwmark: "0x10/0xff",
    table: 100,
    gateways: gateways.map(addressesOf).flatMap(({ inside, beyond }) =>
      inside.map((via, at) => ({
        via,
        dev: "br-gw",
        ...(check === true ? { check: beyond[at] } : {}),
      })),
    ),
    ...(snat === undefined ? {} : { snat }),
    ...(mtu === undefined ? {} : { mtu, delegate: { mtu } }),
  };
}

function write(
  { dir, cniVersion, write: writeFile }: Setup,
  node: 1 | 2,
  { tenants, ends }: { readonly tenants: object; readonly ends: Ends | undefined },
): string {
  const ours = {
    type: "tenant-routing-wrapper",
    dataDir: `${dir}/state${node}`,
    logFile: `${dir}/wrapper${node}.log`,
    capabilities: { "io.kubernetes.cri.pod-annotations": true },
    tenants,
    routes: {
      namesDir: `${dir}/rt_tables.d${node}`,
      links: linksOf(node, ends),
      watch: { ...WATCH, statusFile: statusFile({ dir }) },
    },
    delegate: {
      type: "ptp",
      ipMasq: false,
      ipam: {
        type: "host-local",
        dataDir: `${dir}/ipam${node}`,
        ranges: (POD_NETWORKS[node - 1] ?? []).map((subnet) => [{ subnet }]),
        routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
      },
    },
  };
  return writeFile(
    `node${node}.conflist`,
    `${shortJson({ cniVersion, name: "gateway-pod", plugins: [ours] })}\n`,
  );
}

/** Where the watcher writes how the gateways are. */
export function statusFile({ dir }: Pick<Setup, "dir">): string {
  return `${dir}/watch.json`;
}

/** The bridge plugin takes an MTU from nobody but this file. */
export function writeGatewayNetwork({ cniVersion, write: writeFile }: Setup, mtu: number): string {
  const bridge = {
    type: "bridge",
    bridge: "br-gw",
    mtu,
    capabilities: { ips: true },
    ipam: { type: "static" },
  };
  return writeFile(
    "gateways.conflist",
    `${shortJson({ cniVersion, name: "gateways", plugins: [bridge] })}\n`,
  );
}
