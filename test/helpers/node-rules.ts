import type { Firewall } from "./firewall";
import type { Outcome } from "./outcome";

/** `<address> <pod> <mark>` of every rule of ours, sorted. */
export function rulesOf(firewall: Firewall): readonly string[] {
  const parts = /-s (\S+)\/32 .*"tenant-routing \S+\/(\S+) \S+" .*--set-xmark (\S+)/;
  return firewall
    .ours()
    .map((line) => parts.exec(line)?.slice(1).join(" ") ?? line)
    .sort();
}

/** All addresses in the result of its ADD, without their prefix lengths. */
export function addressesOf({ json }: Outcome): readonly string[] {
  const ips = json?.["ips"] as readonly { address: string }[];
  return ips.map(({ address }) => address.replace(/\/.*/, ""));
}

/** The pod's first address in the result of its ADD, without the prefix length. */
export function addressOf(outcome: Outcome): string {
  return addressesOf(outcome)[0] ?? "";
}
