/** A node's reboot with a full house on a machine that is busy: everybody gets a result, with the limits that are the default. */
import { spawn } from "node:child_process";
import { FLAVOURS } from "../helpers/firewall";
import { ASKS, annotated, createRuntime, ourList } from "../helpers/node-runtime";
import { useNode } from "../helpers/node-world";
import type { Outcome } from "../helpers/outcome";

const world = useNode();
// A machine may be slow; nothing here depends on how slow.
jest.setTimeout(600_000);
/** The kubelet's default for pods on a node. */
const PODS = 110;
const BUSY_PROCESSES = 40;

/** All at once; what failed, by its message. */
async function failuresOf(bodies: readonly (() => Promise<Outcome>)[]): Promise<readonly string[]> {
  const outcomes = await Promise.all(bodies.map((body) => body()));
  return outcomes.filter(({ exit }) => exit !== 0).map(({ stdout, stderr }) => stdout + stderr);
}

test.each(FLAVOURS)("on %s: 110 ADDs and then 110 DELs at once beside 40 busy processes: 110 results each, nothing left", async (iptables) => {
  const busy = Array.from({ length: BUSY_PROCESSES }, () => spawn("/bin/sh", ["-c", "while :; do :; done"], { stdio: "ignore" }));
  try {
    const ipam = { ...world.ipam(), ranges: [[{ subnet: "10.88.0.0/23" }]], routes: [{ dst: "0.0.0.0/0" }] };
    const list = ourList(world, { ...ASKS, iptables, delegate: { type: "ptp", ipMasq: false, ipam } });
    const runtime = createRuntime(world, list, annotated("0x10/0xff"));
    const pods = Array.from({ length: PODS }, (_, n) => world.newPod("team-a", `pod-${n}`));
    expect(await failuresOf(pods.map((pod) => () => runtime.add(pod)))).toEqual([]);
    expect([world.firewall.ours().length, world.cables().length, world.leases().length]).toEqual([2 * PODS, PODS, PODS]);
    expect(await failuresOf(pods.map((pod) => () => runtime.del(pod)))).toEqual([]);
    expect(world.everything()).toEqual([]);
  } finally {
    for (const process of busy) process.kill("SIGKILL");
  }
});
