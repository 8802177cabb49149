/** The agent moves the marks of running pods to another backend, while they send. */
import type { Conf } from "../helpers/conf";
import { useAgents, type Agent } from "../helpers/node-agent";
import { useFloods } from "../helpers/node-flood";
import { POD_NET, POD_NET6, useGateways } from "../helpers/node-gateways";
import { addressesOf } from "../helpers/node-rules";
import {
  ASKS,
  annotated,
  createRuntime,
  ourList,
  type Conflist,
  type Runtime,
} from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { expectOk } from "../helpers/outcome";

const world = useNode();
useGateways(world);
const agents = useAgents(world);
const floods = useFloods(() => ({
  default: `${world.netns}-default`,
  "gw-a": `${world.netns}-gw-a`,
  "gw-b": `${world.netns}-gw-b`,
}));

/** Where marks can be, as the agent names it, with the keys that choose it. */
const PLACES = {
  nft: { backend: "iptables", iptables: "nft" },
  legacy: { backend: "iptables", iptables: "legacy" },
  nftables: { backend: "nftables" },
} as const;
type Place = keyof typeof PLACES;
const TENANTS: readonly (readonly [string, "gw-a" | "gw-b"])[] = [
  ["0x10/0xff", "gw-a"],
  ["0x20/0xff", "gw-b"],
  ["0x10/0xff", "gw-a"],
];

// Without the guard, so that a packet without its mark is seen at the wrong gateway.
function listFor(place: Place, more: Conf = {}): Conflist {
  const delegate = { type: "ptp", ipMasq: false, ipam: world.ipam(POD_NET, POD_NET6) };
  return ourList(world, { ...ASKS, ...PLACES[place], guard: false, delegate, ...more });
}

/** How many pieces each place has; an address has two rules, or one element. */
function pieces(): Readonly<Record<Place, number>> {
  const table = world.inside(
    undefined,
    ...["sh", "-c", "nft list table inet tenant-routing-marks 2>/dev/null || true"],
  );
  return {
    nft: world.firewall.ours("nft").length,
    legacy: world.firewall.ours("legacy").length,
    nftables: [...table.matchAll(/comment "tenant-routing [^"]*" : goto/g)].length,
  };
}

const only = (place: Place, pods: number): Readonly<Record<Place, number>> => {
  const each = place === "nftables" ? 2 : 4;
  return { nft: 0, legacy: 0, nftables: 0, [place]: each * pods };
};
const same = (one: object, other: object): boolean => JSON.stringify(one) === JSON.stringify(other);

async function addPods(runtime: Runtime, send: boolean): Promise<readonly Pod[]> {
  const pods = TENANTS.map((_, i) => world.newPod("team-a", `web-${i}`));
  for (const [i, [mark, way]] of TENANTS.entries()) {
    const pod = pods[i] as Pod;
    const added = expectOk(await runtime.add(pod, annotated(mark)));
    if (send) floods.start(pod.netns, addressesOf(added), way);
  }
  return pods;
}

async function arrived(agent: Agent, place: Place): Promise<void> {
  await agent.says("change", `the marks of 3 pods have moved to ${place}: `);
  await agent.sees(`all is in ${place}`, () => same(pieces(), only(place, TENANTS.length)));
}

test("from each backend to each other: no packet takes a wrong way, and DEL finds its marks", async () => {
  const pods = await addPods(createRuntime(world, listFor("nft")), true);
  await floods.flow();
  const agent = await agents.start(listFor("nft"));
  const way: readonly Place[] = ["nftables", "legacy", "nft", "legacy", "nftables", "nft"];
  for (const [i, place] of way.entries()) {
    agents.write(listFor(place));
    await agent.sees(`it has moved ${i + 1} times`, () => {
      const moves = agent.said().filter(({ message }) => message.includes("have moved to "));
      return moves.length === i + 1 && moves[i]?.message.includes(` ${place}: `) === true;
    });
    expect(pieces()).toEqual(only(place, TENANTS.length));
    await floods.flow();
    expect([place, await floods.strays()]).toEqual([place, 0]);
  }
  expect(agent.said().filter(({ event }) => event === "repair")).toEqual([]);
  const runtime = createRuntime(world, listFor("legacy"));
  for (const pod of pods) {
    floods.stop(pod.netns);
    expectOk(await runtime.del(pod, { forgetful: true }));
  }
  expect([pieces(), world.everything()]).toEqual([only("nft", 0), []]);
});

/** Kills, spread over the time from the agent's start to the end of a move. */
const KILLS = 12;

test.each<[Place, Place]>([
  ["nft", "nftables"],
  ["nftables", "legacy"],
])(
  `killed ${KILLS} times on the way from %s to %s: the next agent finishes, or DEL cleans both`,
  async (from, to) => {
    const runtime = createRuntime(world, listFor(from));
    const pods = await addPods(runtime, true);
    await floods.flow();
    const started = performance.now();
    const first = agents.launch(listFor(to));
    await arrived(first, to);
    const duration = performance.now() - started;
    await end(first);
    let at: Place = to;
    for (let n = 0; n < KILLS; n++) {
      const next: Place = at === to ? from : to;
      const agent = agents.launch(listFor(next));
      await new Promise((resolve) => setTimeout(resolve, (duration * (n + 1)) / KILLS));
      await end(agent);
      if (n % 3 === 2) {
        const again = agents.launch(listFor(next));
        await again.sees(`all is in ${next}`, () => same(pieces(), only(next, TENANTS.length)));
        await end(again);
        at = next;
      }
    }
    await floods.flow();
    expect(await floods.strays()).toBe(0);
    const last = agents.launch(listFor(at === to ? from : to));
    await new Promise((resolve) => setTimeout(resolve, duration * 0.8));
    await end(last);
    for (const pod of pods) {
      floods.stop(pod.netns);
      expectOk(await runtime.del(pod, { forgetful: true }));
    }
    expect([pieces(), world.everything()]).toEqual([only(to, 0), []]);
  },
);

test("deleted at any moment of a move, a pod leaves no mark in either backend", async () => {
  const runtime = createRuntime(world, listFor("nft"));
  const agent = await agents.start(listFor("nft"));
  let at: Place = "nft";
  for (let n = 0; n < 6; n++) {
    const next: Place = at === "nft" ? "nftables" : "nft";
    const pods = await addPods(createRuntime(world, listFor(at)), false);
    agents.write(listFor(next));
    agent.signal("SIGHUP");
    await new Promise((resolve) => setTimeout(resolve, n * 25));
    await Promise.all(pods.map(async (pod) => expectOk(await runtime.del(pod))));
    expect([n, ...world.everything()]).toEqual([n]);
    expect(pieces()).toEqual(only(next, 0));
    at = next;
  }
});

async function end(agent: Agent): Promise<void> {
  agent.signal("SIGKILL");
  await agent.ended();
}
