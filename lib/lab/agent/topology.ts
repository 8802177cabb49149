/** The machines of the lab `agent`, and the node's whole configuration. */
import { kubeconfigOf } from "../kit/api/server";
import type { Pair } from "../kit/families";
import { POD_ANNOTATIONS } from "../kit/libcni";
import { addRoutes, cable } from "../kit/links";
import type { Setup } from "../kit/lab";
import { makeRouter, type Machine } from "../kit/machines";
import { shortJson } from "../kit/short-json";
import { countArrivals } from "./arrivals";

export const PICTURE = `
     pods                 node                          gateways
  +----------+   +----------------------+       each counts the packets
  | web-0  A |---| launcher <--> agent  |       of every pod, and ends them
  +----------+   |             (socket) | eth1
  | mail-0 B |---| 0x10 -> table 100    |------ gw-a        10.10.10.131
  +----------+   | 0x20 -> table 200    |------ gw-b        10.10.20.131
  | plain-0  |---| no mark -> main      | eth2
  +----------+   |                      |------ gw-default  10.0.0.1
   UDP all the   +----------------------+ eth0
   time, to 203.0.113.80 and 2001:db8:80::80
`;

/** A gateway of the node. */
export interface Way {
  readonly machine: Machine;
  /** Towards the node, IPv4 and IPv6. */
  readonly inside: Pair;
}

export interface Topology {
  readonly node: Machine;
  readonly a: Way;
  readonly b: Way;
  readonly byDefault: Way;
}

/** Where all pods send to, IPv4 and IPv6; no machine has these addresses. */
export const DESTINATION = ["203.0.113.80", "2001:db8:80::80"] as const;
/** The node's on eth0, where the API server listens. */
export const NODE = ["10.0.0.2", "fd00::2"] as const;
const PODS = ["10.200.0.0/24", "fd00:200::/64"] as const;

/** Builds everything but the pods. */
export async function buildTopology({ workspace }: Setup): Promise<Topology> {
  const node = await workspace.machine("node");
  await makeRouter(node);
  const way = async (name: string, dev: string, number: number): Promise<Way> =>
    addWay(node, await workspace.machine(name), { dev, number });
  const [byDefault, a, b] = [
    await way("gw-default", "eth0", 0),
    await way("gw-a", "eth1", 10),
    await way("gw-b", "eth2", 20),
  ];
  await addRoutes(node, ["default"], ...byDefault.inside);
  return { node, a, b, byDefault };
}

async function addWay(
  node: Machine,
  gateway: Machine,
  { dev, number }: { readonly dev: string; readonly number: number },
): Promise<Way> {
  const lan = number === 0 ? "10.0.0" : `10.10.${number}`;
  const lan6 = number === 0 ? "fd00::" : `fd00:${number}::`;
  const host = number === 0 ? 1 : 131;
  await cable(
    { on: node, dev, addresses: [`${lan}.2/24`, `${lan6}2/64`] },
    { on: gateway, dev: "lan", addresses: [`${lan}.${host}/24`, `${lan6}${host}/64`] },
  );
  await addRoutes(gateway, PODS, `${lan}.2`, `${lan6}2`);
  await countArrivals(gateway, DESTINATION);
  return { machine: gateway, inside: [`${lan}.${host}`, `${lan6}${host}`] };
}

/** What a step may change in the conflist: the mark of tenant A. */
export interface Choices {
  readonly markA: string;
}

export const FIRST_CHOICES: Choices = { markA: "0x10/0xff" };

/** One conflist is the whole configuration of the node and its agent; returns its text. */
export function conflistText(setup: Setup, { a, b }: Topology, { markA }: Choices): string {
  const { apiServer, agentSocket, dir, cniVersion } = setup;
  const gateways = ({ inside }: Way, dev: string): readonly object[] =>
    inside.map((via) => ({ via, dev }));
  const source =
    apiServer === undefined
      ? { capabilities: { [POD_ANNOTATIONS]: true } }
      : { kubeconfig: kubeconfigOf(setup) };
  const ours = {
    type: "tenant-routing-wrapper",
    ...source,
    dataDir: `${dir}/state`,
    logFile: `${dir}/wrapper.log`,
    agent: { socket: agentSocket },
    routes: { namesDir: `${dir}/rt_tables.d`, watch: { statusFile: `${dir}/watch.json` } },
    tenants: {
      "tenant-a": { fwmark: markA, table: 100, gateways: gateways(a, "eth1") },
      "tenant-b": { fwmark: "0x20/0xff", table: 200, gateways: gateways(b, "eth2") },
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
  return `${shortJson({ cniVersion, name: "tenants", plugins: [ours] })}\n`;
}
