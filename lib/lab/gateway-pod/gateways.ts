/** The gateway pods of the lab `gateway-pod`: pods of the cluster with a second interface, as Multus gives it, and a tunnel. */
import { createRuntime, type Pod, type Runtime } from "../kit/runtime";
import type { Stage } from "../kit/lab";
import {
  addressesOf,
  makeGateway,
  routeGateway,
  withLength,
  type Net,
  type Pair,
} from "./topology";

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

/** Starts the gateway pod gw-`number` on node1 or node2. */
export async function startGateway(
  stage: Stage,
  net: Net,
  { nodes, gateways }: Conflists,
  number: 0 | 1,
): Promise<Gateway> {
  const node = number === 0 ? net.node1 : net.node2;
  const [cluster, network] = [
    createRuntime(stage, node, nodes[number]),
    createRuntime(stage, node, gateways, "net1"),
  ];
  const { inside, outside } = addressesOf(number);
  const machine = await cluster.sandbox({
    pod: `vpn/gw-${number}`,
    offers: { ips: [...withLength(inside)] },
  });
  const gateway = { machine, inside, outside, cluster, network };
  const [first, second] = [await cluster.add(machine), await network.add(machine)];
  stage.story.claim(
    `${machine.spec.pod} is attached to the cluster's network and to that of the gateways`,
    first.ok && second.ok,
  );
  await makeGateway(machine, number, net.internet);
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
