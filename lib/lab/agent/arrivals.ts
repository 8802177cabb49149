/** What arrives at the gateways of the lab `agent`, by the pod that sent it. */
import { CniError } from "../../cni/error";
import type { Pair } from "../kit/families";
import type { Machine } from "../kit/machines";

const TABLE = "inet lab-arrivals";

/**
 * Counts, for each address that packets to the destination come from, how many arrived at the machine,
 * before anything else is done to them; they end there.
 */
export async function countArrivals(machine: Machine, [v4, v6]: Pair): Promise<void> {
  const rules = `table ${TABLE} {
    set seen4 { typeof ip saddr; size 4096; flags dynamic; counter; }
    set seen6 { typeof ip6 saddr; size 4096; flags dynamic; counter; }
    chain pre { type filter hook prerouting priority -400; policy accept;
      iifname "lan" ip daddr ${v4} update @seen4 { ip saddr counter } drop
      iifname "lan" ip6 daddr ${v6} update @seen6 { ip6 saddr counter } drop; }; }\n`;
  await machine.must(["nft", "-f", "-"], { stdin: rules });
}

/** Packets so far, by the sender's address. */
export type Arrivals = ReadonlyMap<string, number>;

/** Reads them. Throws CniError `io` when the counters are gone. */
export async function readArrivals(machine: Machine): Promise<Arrivals> {
  const text = await machine.must(["nft", "list", "table", ...TABLE.split(" ")]);
  if (!text.includes("set seen6"))
    throw new CniError("io", `no counters on ${machine.name}: ${text}`);
  const elements = text.matchAll(/([0-9a-f.:]+) counter packets (\d+)/g);
  return new Map([...elements].map(([, address = "", packets]) => [address, Number(packets)]));
}
