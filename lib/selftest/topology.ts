/** The test node and everything around it, as network namespaces. */
import { familyOf } from "../net/family";
import { readFileSync } from "node:fs";
import { localHost } from "../node/host";
import { startResponder } from "../lab/kit/calls";
import type { Setup } from "../lab/kit/lab";
import { addAddresses, addBridge, cable } from "../lab/kit/links";
import { makeRouter, type Machine } from "../lab/kit/machines";
import {
  CLIENT,
  DEFAULT_GATEWAY,
  MARKED,
  NODE,
  nodeOn,
  OTHER_NODE,
  OTHER_POD,
  SERVER,
} from "./addresses";
import type { RouterPlan, Segment } from "./segments";

export const PORT = 80;
/** Where the node itself answers, as a kubelet does. */
export const NODE_PORT = 10250;
export const DEFAULT_DEV = "st-default";
/** Settings of the node's kernel that act on marked packets: the test node gets the same. */
const SETTINGS = [
  "net/ipv4/conf/all/rp_filter",
  "net/ipv4/conf/default/rp_filter",
  "net/ipv4/conf/all/src_valid_mark",
  "net/ipv4/fwmark_reflect",
  "net/ipv6/fwmark_reflect",
  "net/ipv4/tcp_fwmark_accept",
];

/** A router behind a segment. */
export interface Gateway {
  readonly machine: Machine;
  readonly plan: RouterPlan;
}

export interface Topology {
  readonly node: Machine;
  readonly byDefault: Machine;
  readonly gateways: readonly Gateway[];
  readonly segments: readonly Segment[];
  readonly ipv6: boolean;
}

/** Whether this node speaks IPv6, and has not turned it off. */
export function hasIpv6(): boolean {
  return localHost.hasFamily(6) && readOr("/proc/sys/net/ipv6/conf/all/disable_ipv6") !== "1";
}

/** Builds everything but the pods; every machine that shall answer does, by each of `destinations` too. */
export async function buildTopology(
  setup: Setup,
  segments: readonly Segment[],
  destinations: readonly string[] = [],
): Promise<Topology> {
  const { workspace } = setup;
  const ipv6 = hasIpv6();
  const node = await workspace.machine("node");
  await likeTheRealNode(node);
  const byDefault = await workspace.machine("default");
  await buildDefault(node, byDefault, ipv6);
  await buildOtherNode(setup, node, ipv6);
  const gateways: Gateway[] = [];
  for (const [index, segment] of segments.entries())
    gateways.push(...(await buildSegment(setup, node, { segment, index, ipv6 })));
  for (const machine of [byDefault, ...gateways.map((each) => each.machine)])
    await addAddresses(machine, "lo", ofFamilies(destinations, ipv6));
  await startResponder(setup, node, NODE_PORT, "node");
  await Promise.all(
    [byDefault, ...gateways.map(({ machine }) => machine)].map((machine) =>
      startResponder(setup, machine, PORT),
    ),
  );
  return { node, byDefault, gateways, segments, ipv6 };
}

/** The routes to the next hops of the segments, which the kernel drops when an interface goes down. */
export async function connect(node: Machine, segments: readonly Segment[]): Promise<void> {
  for (const { dev, routers } of segments) {
    for (const via of routers.flatMap(({ vias }) => vias)) {
      if (!isLinkLocal(via))
        await node.ip(`-${via.includes(":") ? 6 : 4} route replace ${via} dev ${dev}`);
    }
  }
}

/** The device to take down so that a segment is lost: of a bridge only the way to the routers. */
export function plugOf({ dev, bridge }: Segment, index: number): string {
  return bridge ? `st-port${index}` : dev;
}

async function likeTheRealNode(node: Machine): Promise<void> {
  const lines = SETTINGS.flatMap((path) => {
    const value = readOr(`/proc/sys/${path}`);
    return value === undefined
      ? []
      : [`[ ! -e /proc/sys/${path} ] || echo ${value} >/proc/sys/${path}`];
  });
  // Addresses outlive their interface being down, as where a network manager puts them back.
  lines.push(
    "[ ! -e /proc/sys/net/ipv6 ] || echo 1 >/proc/sys/net/ipv6/conf/all/keep_addr_on_down",
  );
  await node.must(["sh", "-e"], { stdin: `${lines.join("\n")}\n` });
}

async function buildDefault(node: Machine, gateway: Machine, ipv6: boolean): Promise<void> {
  const [mine, its] = [
    ofFamilies([`${NODE[0]}/24`, `${NODE[1]}/64`], ipv6),
    ofFamilies([`${DEFAULT_GATEWAY[0]}/24`, `${DEFAULT_GATEWAY[1]}/64`], ipv6),
  ];
  await cable(
    { on: node, dev: DEFAULT_DEV, addresses: mine },
    { on: gateway, dev: "lan", addresses: its },
  );
  await addAddresses(gateway, "lo", ofFamilies([...SERVER, ...MARKED, ...CLIENT], ipv6));
  for (const via of ofFamilies(DEFAULT_GATEWAY, ipv6))
    await node.ip(`-${familyOf(via)} route add default via ${via}`);
  for (const via of ofFamilies(NODE, ipv6))
    await gateway.ip(`-${familyOf(via)} route add default via ${via}`);
}

async function buildOtherNode(setup: Setup, node: Machine, ipv6: boolean): Promise<void> {
  const other = await setup.workspace.machine("other-node");
  await makeRouter(other);
  const [mine, its] = [
    ["198.18.1.2/24", "fd00:5e1f:7e57:1::2/64"],
    [`${OTHER_NODE[0]}/24`, `${OTHER_NODE[1]}/64`],
  ];
  await cable(
    { on: node, dev: "st-peer", addresses: ofFamilies(mine, ipv6) },
    { on: other, dev: "lan", addresses: ofFamilies(its, ipv6) },
  );
  await addAddresses(other, "lo", ofFamilies(OTHER_POD, ipv6));
  const networks = ["198.18.130.0/24", "fd00:5e1f:7e57:130::/64"];
  for (const via of ofFamilies(OTHER_NODE, ipv6))
    await node.ip(
      `-${familyOf(via)} route add ${networks.find((network) => familyOf(network) === familyOf(via)) ?? ""} via ${via}`,
    );
  for (const address of ofFamilies(mine, ipv6))
    await other.ip(`-${familyOf(address)} route add default via ${address.split("/")[0] ?? ""}`);
  await startResponder(setup, other, PORT);
}

interface Place {
  readonly segment: Segment;
  readonly index: number;
  readonly ipv6: boolean;
}

async function buildSegment(
  setup: Setup,
  node: Machine,
  place: Place,
): Promise<readonly Gateway[]> {
  const {
    segment: { dev, bridge, routers },
    index,
    ipv6,
  } = place;
  // A bridge plugin refuses a bridge that has an IPv4 address other than its own.
  const addresses = ofFamilies(bridge ? [NODE[0], nodeOn(index)[1]] : nodeOn(index), ipv6);
  const mtu = Number(readOr(`/sys/class/net/${dev}/mtu`) ?? 1500);
  if (bridge)
    await addBridge(
      node,
      dev,
      addresses.filter((address) => address !== NODE[0]),
    );
  const plug = {
    on: node,
    dev: plugOf(place.segment, index),
    mtu,
    ...(bridge ? { bridge: dev } : { addresses }),
  };
  const gateways: Gateway[] = [];
  for (const [n, plan] of routers.entries())
    gateways.push({ machine: await setup.workspace.machine(`gw${index}-${n}`), plan });
  if (gateways.length === 1 && gateways[0] !== undefined) {
    await cable(plug, { on: gateways[0].machine, dev: "lan", mtu });
  } else {
    const lan = await setup.workspace.machine(`lan${index}`);
    await addBridge(lan, "br0");
    await cable(plug, { on: lan, dev: "node", bridge: "br0", mtu });
    for (const [n, { machine }] of gateways.entries())
      await cable(
        { on: lan, dev: `port${n}`, bridge: "br0", mtu },
        { on: machine, dev: "lan", mtu },
      );
  }
  await copyFilter(node, dev);
  for (const gateway of gateways) await setUpGateway(gateway, addresses, ipv6);
  await connect(node, [place.segment]);
  return gateways;
}

/** A router that forwards nothing: what a tenant sends by it does not come back to the node another way. */
async function setUpGateway(
  { machine, plan }: Gateway,
  node: readonly string[],
  ipv6: boolean,
): Promise<void> {
  await machine.sysctl({ "net.ipv4.ip_forward": 0, "net.ipv4.conf.all.arp_ignore": 1 });
  // Without a next hop the node asks the interface for the server itself.
  await addAddresses(
    machine,
    plan.vias.length === 0 ? "lan" : "lo",
    ofFamilies([...SERVER, ...MARKED], ipv6),
  );
  await addAddresses(
    machine,
    "lo",
    ofFamilies(
      plan.behind.map((network) => network.split("/")[0] ?? ""),
      ipv6,
    ),
  );
  await addAddresses(machine, "lan", lanAddresses(ofFamilies(plan.vias, ipv6)));
  for (const via of node) {
    await machine.ip(`-${familyOf(via)} route add ${via} dev lan`);
    await machine.ip(`-${familyOf(via)} route add default via ${via} dev lan`);
  }
}

/** Next hops as addresses of a gateway. */
export function lanAddresses(vias: readonly string[]): readonly string[] {
  return vias.map((via) => (isLinkLocal(via) ? `${via}/64` : via));
}

async function copyFilter(node: Machine, dev: string): Promise<void> {
  const value = readOr(`/proc/sys/net/ipv4/conf/${dev}/rp_filter`);
  if (value !== undefined)
    await node.must([
      "sh",
      "-c",
      `echo ${value} >"$0"`,
      `/proc/sys/net/ipv4/conf/${dev}/rp_filter`,
    ]);
}

function ofFamilies(addresses: readonly string[], ipv6: boolean): readonly string[] {
  return addresses.filter((address) => ipv6 || !address.includes(":"));
}

function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address);
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
