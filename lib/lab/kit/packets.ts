/** Looks at the packets of a lab: which way they take, and whether any passes somewhere. */
import { CniError } from "../../cni/error";
import type { Machine } from "./machines";
import type { Transcript } from "./transcript";

const TABLE = "inet lab-count";
const SILENCE = "*";

export interface Counter {
  /** Packets so far. */
  read(): Promise<number>;
}

let counters = 0;

/** Counts the packets that arrive at a machine and match (an nftables expression: `iifname "lan" ip saddr 10.200.0.2`), before anything else is done to them. */
export async function countPackets(machine: Machine, match: string): Promise<Counter> {
  const name = `c${(counters += 1)}`;
  const rules = [
    `add table ${TABLE}`,
    `add chain ${TABLE} pre { type filter hook prerouting priority -400; policy accept; }`,
    `add counter ${TABLE} ${name}`,
    `add rule ${TABLE} pre ${match} counter name ${name}`,
  ];
  await machine.must(["nft", "-f", "-"], { stdin: `${rules.join("\n")}\n` });
  return {
    read: async () => {
      const text = await machine.must(["nft", "list", "counter", "inet", "lab-count", name]);
      const [, packets] = /packets (\d+)/.exec(text) ?? [];
      if (packets === undefined) throw new CniError("io", `no count in: ${text}`);
      return Number(packets);
    },
  };
}

/**
 * The hops on the way to an address, like traceroute, with ping: each router that says "time
 * exceeded" or "unreachable", then the address itself; "*" for one that does not answer. Shows them.
 */
export async function trace(
  transcript: Transcript,
  from: Machine,
  address: string,
  maxHops = 6,
): Promise<readonly string[]> {
  const hops: string[] = [];
  for (let ttl = 1; ttl <= maxHops; ttl += 1) {
    const { output } = await from.run([
      "ping",
      "-n",
      "-c",
      "1",
      "-W",
      "1",
      "-t",
      String(ttl),
      address,
    ]);
    hops.push(hopIn(output));
    if (hops.at(-1) === address || /unreachable/i.test(output)) break;
  }
  transcript.command(
    from.name,
    `trace ${address}`,
    hops.map((hop, at) => `${at + 1}  ${hop}`).join("\n"),
  );
  return hops;
}

function hopIn(output: string): string {
  const [, from] = /^(?:\d+ bytes from|From) ([0-9a-fA-F.:]+?):? /m.exec(output) ?? [];
  return from ?? SILENCE;
}
