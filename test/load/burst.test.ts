/** A node's reboot with a full house on a machine that is busy: everybody gets a result, with the limits that are the default. */
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { VARIANTS } from "../helpers/firewall";
import { addressOf, rulesOf } from "../helpers/node-rules";
import { ASKS, annotated, createRuntime, ourList } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import type { Outcome } from "../helpers/outcome";

const world = useNode();
/** The kubelet's default for pods on a node. */
const PODS = 110;
/** On each processor as many as keep a plugin waiting; more of them make the test longer, and nothing else. */
const BUSY_PROCESSES = 4 * availableParallelism();

/** All at once, and none of them fails. */
async function together(bodies: readonly (() => Promise<Outcome>)[]): Promise<readonly Outcome[]> {
  const outcomes = await Promise.all(bodies.map((body) => body()));
  expect(
    outcomes.filter(({ exit }) => exit !== 0).map(({ stdout, stderr }) => stdout + stderr),
  ).toEqual([]);
  return outcomes;
}

test.each(VARIANTS)(
  "on %s: 110 ADDs and then 110 DELs at once beside busy processes: 110 results each, nothing left",
  async (iptables) => {
    const busy = Array.from({ length: BUSY_PROCESSES }, () =>
      spawn("/bin/sh", ["-c", "while :; do :; done"], { stdio: "ignore" }),
    );
    try {
      const ipam = {
        ...world.ipam(),
        ranges: [[{ subnet: "10.88.0.0/23" }]],
        routes: [{ dst: "0.0.0.0/0" }],
      };
      const list = ourList(world, {
        ...ASKS,
        iptables,
        delegate: { type: "ptp", ipMasq: false, ipam },
      });
      const runtime = createRuntime(world, list, annotated("0x10/0xff"));
      const pods = Array.from({ length: PODS }, (_, n) => world.newPod("team-a", `pod-${n}`));
      const addresses = (await together(pods.map((pod) => () => runtime.add(pod)))).map(addressOf);
      expect(new Set(addresses).size).toBe(PODS);
      expect(rulesOf(world.firewall)).toEqual(
        pods
          .flatMap(({ name }, n) => [
            `${addresses[n]} ${name} 0x0/0xff`,
            `${addresses[n]} ${name} 0x10/0xff`,
          ])
          .sort(),
      );
      expect([world.veths().length, world.leases().length]).toEqual([PODS, PODS]);
      await together(pods.map((pod) => () => runtime.del(pod)));
      expect(world.everything()).toEqual([]);
    } finally {
      for (const process of busy) process.kill("SIGKILL");
    }
  },
);
