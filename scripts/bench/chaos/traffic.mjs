// Every pod sends all the time, from its ADD to the end of its DEL; the gateways count whose packets came.
import { execFileSync, spawn } from "node:child_process";
import { FAR, TENANTS } from "./world.mjs";

/** A packet every so many seconds. */
const EVERY_S = "0.005";

export function startTraffic(pod) {
  const args = ["netns", "exec", pod.slot.netns, "ping", "-q", "-n", "-i", EVERY_S, FAR];
  pod.ping = spawn("ip", args, { stdio: "ignore" });
}
startTraffic.stop = ({ ping }) => void ping?.kill("SIGKILL");

/** Packets by where they came to: those of the gateway's own tenant, and of anybody else. */
export function countedLeaks({ names }) {
  const at = (netns, own) => {
    const text = execFileSync("ip", [
      "netns",
      "exec",
      netns,
      "nft",
      "list",
      "table",
      "ip",
      "bench",
    ]);
    const counts = TENANTS.map(({ name }) => {
      const line = new RegExp(`packets (\\d+) .*"from ${name}"`).exec(text.toString());
      return { name, packets: Number(line?.[1] ?? Number.NaN) };
    });
    const sum = (of) => of.reduce((total, { packets }) => total + packets, 0);
    return {
      own: sum(counts.filter(({ name }) => name === own)),
      wrong: sum(counts.filter(({ name }) => name !== own)),
    };
  };
  return Object.fromEntries([
    ...TENANTS.map(({ name }, n) => [`gateway of ${name}`, at(names.gateways[n], name)]),
    ["default route", at(names.internet, "nobody")],
  ]);
}
