/** A flood of a pod's packets on the node of useRoutesNode(), counted at every gateway. */
import { spawn } from "node:child_process";
import { INTERNET, INTERNET6, NETS, type RoutesNode } from "./routes-node";
import { sh } from "./shell";

type Device = keyof typeof NETS;

/** Packets that came to each gateway: of IPv4, of IPv6. */
export type Arrivals = Readonly<Record<Device, readonly number[]>>;

export const DEVICES = Object.keys(NETS) as Device[];
/** The table that counts. */
export const COUNT =
  "table inet count { chain in { type filter hook prerouting priority -400; udp dport 9 meta nfproto ipv4 counter; udp dport 9 meta nfproto ipv6 counter; }; }";
const FLOOD = `while :; do for to in ${INTERNET} ${INTERNET6}; do echo >/dev/udp/$to/9; done; done 2>/dev/null`;

export const MANY = expect.arrayContaining([expect.any(Number)]) as unknown;
export const NONE = [0, 0];

function countAtGateways(node: RoutesNode): void {
  for (const device of DEVICES) sh("ip", "netns", "exec", node.gateway(device), "nft", COUNT);
}

/** A pod whose packets have this mark, made anew for every test, on a node whose gateways count. */
export function useFloodedPod(
  node: RoutesNode,
  mark: string,
): { readonly during: (body: () => void) => Promise<Arrivals>; readonly pod: () => string } {
  let pod = "";
  beforeEach(() => {
    pod = node.pod(3, mark);
    countAtGateways(node);
  });
  return { during: (body) => duringFlood(node, pod, body), pod: () => pod };
}

/** What came to each gateway while the body ran and a second before and after it, from `pod`, a namespace. */
export async function duringFlood(
  node: RoutesNode,
  pod: string,
  body: () => void,
): Promise<Arrivals> {
  const flood = spawn("ip", ["netns", "exec", pod, "bash", "-c", FLOOD], { stdio: "ignore" });
  const second = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000));
  try {
    await second();
    body();
    await second();
  } finally {
    flood.kill("SIGKILL");
  }
  return Object.fromEntries(
    DEVICES.map((device) => [device, counted(node, device)]),
  ) as unknown as Arrivals;
}

function counted(node: RoutesNode, device: Device): readonly number[] {
  const table = ["nft", "list", "table", "inet", "count"];
  const listing = sh("ip", "netns", "exec", node.gateway(device), ...table);
  return [...listing.matchAll(/counter packets (\d+)/g)].map(([, n]) => Number(n));
}

/** Many packets came to that gateway, and none to any other. */
export function expectOnly(device: Device, seen: Arrivals): void {
  expect(seen).toEqual({ eth0: NONE, eth1: NONE, eth2: NONE, [device]: MANY });
  for (const n of seen[device]) expect(n).toBeGreaterThan(50);
}
