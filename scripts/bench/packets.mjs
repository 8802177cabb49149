// What the rules cost a forwarded packet. A flood ping from the pod to a host beyond the node is
// two forwarded packets per answer, each of which passes mangle PREROUTING on the node; the pod's
// own rule is the last one.
import { setImmediate } from "node:timers/promises";
import { add, del, timed } from "./cni.mjs";
import { INTERNET } from "./namespaces.mjs";
import { rulesAt, rulesFor } from "./populate.mjs";
import { summary } from "./statistics.mjs";

const PACKETS_PER_PING = 2;
const MICROSECONDS = 1000;

/**
 * us per forwarded packet, alternating: no rules at all, then this pod's behind those of each
 * number of other pods. Returns [{ pods: number | null, rules, ...summary }].
 */
export async function measurePackets({ plugin, pattern, pods, rounds, pings, tables, podNetns }) {
  const attached = add(plugin);
  try {
    const address = attached.result.ips[0].address.replace(/\/.*/, "");
    const series = [null, ...pods].map((count) => ({
      pods: count,
      rules: count === null ? [] : [...rulesFor(pattern, count), ...rulesAt(pattern, address)],
      samples: [],
    }));
    for (let round = 0; round <= rounds; round++) {
      for (const each of series) {
        await setImmediate();
        tables.program(each.rules);
        const us = flood(podNetns, pings);
        each.samples.push(us);
      }
    }
    // The first round only warms up.
    return series.map(({ pods: count, rules, samples: [, ...counted] }) => ({
      pods: count,
      rules: rules.length,
      ...summary(counted),
    }));
  } finally {
    del(plugin, attached);
    tables.program([]);
  }
}

function flood(podNetns, pings) {
  const { stdout } = timed(
    "ip",
    ["netns", "exec", podNetns, "ping", "-f", "-q", "-n", "-c", String(pings), INTERNET],
    {
      env: { PATH: process.env.PATH, LC_ALL: "C" },
    },
  );
  const [, received, ms] = /(\d+) received, .*time (\d+)ms/.exec(stdout) ?? [];
  // A lost packet costs ping 10 ms of waiting, so its figure would be about something else.
  if (Number(received) !== pings)
    throw new Error(`ping got ${received ?? "no"} answers for ${pings} packets: ${stdout}`);
  return (Number(ms) * MICROSECONDS) / (pings * PACKETS_PER_PING);
}
