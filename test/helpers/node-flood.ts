/** Pods of a node that send all the time, and what of it arrives at each of its gateways. */
import { spawn, type ChildProcess } from "node:child_process";
import { countArrivals, readArrivals } from "../../lib/lab/agent/arrivals";
import type { Machine } from "../../lib/lab/kit/machines";
import { BINARY, launch } from "./launch";
import { INTERNET, INTERNET6 } from "./node-gateways";

/** How long packets may take to come through on a busy machine. */
const LIMIT_MS = 120_000;
/** So many packets of each pod have to arrive before something counts as seen. */
const ENOUGH = 300;

export interface Floods<Gateway extends string> {
  /** From now on the pod sends to the internet from these addresses, all of it by this gateway. */
  start(netns: string, addresses: readonly string[], way: Gateway): void;
  stop(netns: string): void;
  /** Waits until many more packets of every pod have arrived at its own gateway. */
  flow(): Promise<void>;
  /** Packets of the pods that came to another gateway than theirs, since they began. */
  strays(): Promise<number>;
}

interface Sender<Gateway> {
  readonly netns: string;
  readonly addresses: readonly string[];
  readonly way: Gateway;
  readonly child: ChildProcess;
}

/**
 * Counts at the gateways of every test of the file; `gateways` says in which network namespace each is, and has
 * the internet behind its device `lan`. Call it after what makes them.
 */
export function useFloods<Gateway extends string>(
  gateways: () => Readonly<Record<Gateway, string>>,
): Floods<Gateway> {
  const senders: Sender<Gateway>[] = [];
  const former: Sender<Gateway>[] = [];
  const names = (): readonly Gateway[] => Object.keys(gateways()) as Gateway[];
  beforeEach(async () => {
    for (const netns of Object.values<string>(gateways()))
      await countArrivals(machineOf(netns), [INTERNET, INTERNET6]);
  });
  afterEach(() => {
    for (const { child } of senders.splice(0)) child.kill("SIGKILL");
    former.length = 0;
  });
  const seen = async (): Promise<(name: Gateway, sender: Sender<Gateway>) => number> => {
    const read = names().map(
      async (name) => [name, await readArrivals(machineOf(gateways()[name]))] as const,
    );
    const all = new Map(await Promise.all(read));
    return (name, { addresses }) =>
      addresses.reduce((sum, address) => sum + (all.get(name)?.get(address) ?? 0), 0);
  };
  return {
    start: (netns, addresses, way) => {
      const words = ["lab", "probe", "flood", "9", ...addresses.map(destinationFor)];
      const args = ["netns", "exec", netns, BINARY, ...words];
      senders.push({ netns, addresses, way, child: spawn("ip", args, { stdio: "ignore" }) });
    },
    stop: (netns) => {
      for (const sender of senders.filter((each) => each.netns === netns)) {
        sender.child.kill("SIGKILL");
        former.push(...senders.splice(senders.indexOf(sender), 1));
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
          throw new Error(`no packets of ${slow.map(({ netns }) => netns).join(", ")}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    strays: async () => {
      const now = await seen();
      return [...senders, ...former]
        .flatMap((sender) =>
          names()
            .filter((name) => name !== sender.way)
            .map((name) => now(name, sender)),
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
      env: { PATH: process.env["PATH"] ?? "" },
      stdin,
      options: {},
    });
    if (exit !== 0) throw new Error(`${command}: ${stderr}`);
    return stdout;
  };
  return { name: netns, must } as unknown as Machine;
}
