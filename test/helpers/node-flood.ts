/** Pods of a node that send all the time, and what of it arrives at each gateway of node-gateways. */
import { spawn, type ChildProcess } from "node:child_process";
import { countArrivals, readArrivals } from "../../lib/lab/agent/arrivals";
import type { Machine } from "../../lib/lab/kit/machines";
import { BINARY } from "./harness";
import { INTERNET, INTERNET6 } from "./node-gateways";
import { type NodeWorld, PLUGINS, type Pod } from "./node-world";
import { launch } from "./launch";

const GATEWAYS = ["default", "gw-a", "gw-b"] as const;
export type GatewayName = (typeof GATEWAYS)[number];
/** How long packets may take to come through on a busy machine. */
const LIMIT_MS = 60_000;
/** So many packets of each pod have to arrive before something counts as seen. */
const ENOUGH = 300;

export interface Floods {
  /** The pod, with these addresses, sends to the internet from now on, all of it by this gateway. */
  start(pod: Pod, addresses: readonly string[], way: GatewayName): void;
  stop(pod: Pod): void;
  /** Waits until many more packets of every pod have arrived at its own gateway. */
  flow(): Promise<void>;
  /** Packets of the pods that came to another gateway than theirs, since they began. */
  strays(): Promise<number>;
}

interface Sender {
  readonly pod: Pod;
  readonly addresses: readonly string[];
  readonly way: GatewayName;
  readonly child: ChildProcess;
}

/** Counts at the gateways of every test of the file. Call it after useGateways. */
export function useFloods(world: NodeWorld): Floods {
  const senders: Sender[] = [];
  const strangers: Sender[] = [];
  const machine = (name: GatewayName): Machine => machineOf(`${world.netns}-${name}`);
  beforeEach(async () => {
    for (const name of GATEWAYS) await countArrivals(machine(name), [INTERNET, INTERNET6]);
  });
  const stop = ({ child }: Sender): void => void child.kill("SIGKILL");
  afterEach(() => {
    for (const sender of senders.splice(0)) stop(sender);
    strangers.length = 0;
  });
  const seen = async (): Promise<(name: GatewayName, sender: Sender) => number> => {
    const all = await Promise.all(GATEWAYS.map((name) => readArrivals(machine(name))));
    return (name, { addresses }) =>
      addresses.reduce((sum, address) => {
        return sum + (all[GATEWAYS.indexOf(name)]?.get(address) ?? 0);
      }, 0);
  };
  return {
    start: (pod, addresses, way) => {
      const words = ["lab", "probe", "flood", "9", ...addresses.map(destinationFor)];
      const args = ["netns", "exec", pod.netns, BINARY, ...words];
      senders.push({ pod, addresses, way, child: spawn("ip", args, { stdio: "ignore" }) });
    },
    stop: (pod) => {
      for (const sender of senders.filter((each) => each.pod === pod)) {
        stop(sender);
        strangers.push(sender);
        senders.splice(senders.indexOf(sender), 1);
      }
    },
    flow: async () => {
      const before = await seen();
      const deadline = Date.now() + LIMIT_MS;
      for (;;) {
        const now = await seen();
        const slow = senders.filter(
          (sender) => now(sender.way, sender) < before(sender.way, sender) + ENOUGH,
        );
        if (slow.length === 0) return;
        if (Date.now() > deadline)
          throw new Error(`no packets of ${slow.map(({ pod }) => pod.name).join(", ")}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    strays: async () => {
      const now = await seen();
      return [...senders, ...strangers]
        .flatMap((sender) =>
          GATEWAYS.filter((name) => name !== sender.way).map((name) => now(name, sender)),
        )
        .reduce((sum, count) => sum + count, 0);
    },
  };
}

function destinationFor(address: string): string {
  return address.includes(":") ? INTERNET6 : INTERNET;
}

/** As much of a lab's machine as its counters need. */
function machineOf(netns: string): Machine {
  const must = async ([command = "", ...args]: readonly string[], { stdin = "" } = {}) => {
    const { stdout, stderr, exit } = await launch({
      netns,
      command: [command, ...args],
      env: { PATH: process.env["PATH"] ?? PLUGINS },
      stdin,
      options: {},
    });
    if (exit !== 0) throw new Error(`${command}: ${stderr}`);
    return stdout;
  };
  return { name: netns, must } as unknown as Machine;
}
