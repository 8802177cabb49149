/**
 * With launcher, agent and real ptp: kill -9 of each of them at many moments, then DEL, by way of an agent or
 * without one, leaves nothing.
 */
import { expectOk } from "../helpers/outcome";
import { installLauncher } from "../helpers/mode";
import { useAgents } from "../helpers/node-agent";
import { KILLERS, killAfter, type Killed } from "../helpers/node-kill";
import { elementsOn, leftOn, workersOf } from "../helpers/node-left";
import {
  ASKS,
  annotated,
  createRuntime,
  environment,
  firstNetconf,
  ourList,
  type Runtime,
} from "../helpers/node-runtime";
import { durations, sweep, TORN_LEASE } from "../helpers/node-sweep";
import { useNode, type Pod } from "../helpers/node-world";
import { until } from "../helpers/shell";

const world = useNode();
const agents = useAgents(world);
const OFFERS = annotated("0x10/0xff");
const BACKENDS = [
  ["nftables", { backend: "nftables" }],
  ["iptables-nft", { backend: "iptables", iptables: "nft" }],
] as const;
const VICTIMS = ["launcher", "launcher and delegate", "delegate", "agent"] as const;
type Victim = (typeof VICTIMS)[number];
/** Kills of each victim; the moments are spread evenly over the verb's duration. */
const KILLS = { ADD: 5, DEL: 3 };
/** Of a pod with one address: a pair of rules, or an element and its owner, and the guard's element with its owner. */
const MARKED = 4;
const WITHOUT_AGENT = { TENANT_ROUTING_AGENT_SOCKET: "" };
/** On a busy machine the launcher has to wait for the agent, and not to do without. */
const PATIENCE = { TENANT_ROUTING_AGENT_TIMEOUT_MS: "30000" };

describe.each(BACKENDS)("marks by %s", (_name, backend) => {
  test.each(VICTIMS)(
    `%s: killed ${KILLS.ADD} times in an ADD, DEL leaves nothing`,
    async (victim) => {
      const node = await startNode(backend);
      await sweep(KILLS.ADD, (await durations(world, node.runtime)).ADD, async (n, moment) => {
        const pod = world.newPod("team-a", `pod-${n}`);
        const killed = await node.hurt("ADD", pod, { moment, victim });
        if (killed.exit === 0)
          expect([...elementsOn(world), ...world.firewall.ours()]).toHaveLength(MARKED);
        // Whoever was left of launcher and agent has taken back what was done.
        else if (killed.exit !== null) expect([n, ...left(victim)]).toEqual([n]);
        await node.clear(pod, n, victim);
        return killed.hit;
      });
    },
  );

  test.each(VICTIMS)(
    `%s: killed ${KILLS.DEL} times in a DEL, DEL leaves nothing`,
    async (victim) => {
      const node = await startNode(backend);
      await sweep(KILLS.DEL, (await durations(world, node.runtime)).DEL, async (n, moment) => {
        const pod = world.newPod("team-a", `pod-${n}`);
        expectOk(await node.runtime.add(pod));
        const killed = await node.hurt("DEL", pod, { moment, victim });
        await node.clear(pod, n, victim);
        return killed.hit;
      });
    },
  );
});

interface Node {
  /** By way of the launcher; starts an agent where there is none. */
  readonly runtime: Runtime;
  /** Starts the verb as the runtime would, and kills. */
  hurt(verb: "ADD" | "DEL", pod: Pod, kill: { moment: number; victim: Victim }): Promise<Killed>;
  /** DEL after a crash: by the same agent or another one, or without any. Fails when anything stays. */
  clear(pod: Pod, n: number, victim: Victim): Promise<void>;
}

async function startNode(backend: object): Promise<Node> {
  const list = ourList(world, {
    ...ASKS,
    ...backend,
    delegate: { type: "ptp", ipMasq: false, ipam: world.ipam("10.88.0.0/24") },
  });
  const plugin = installLauncher(world.dir);
  const env = { ...PATIENCE, TENANT_ROUTING_AGENT_SOCKET: agents.socket() };
  let agent = await agents.start(list);
  const killAgent = (): boolean => {
    agent.signal("SIGKILL");
    return true;
  };
  const lose = async (): Promise<void> => {
    killAgent();
    await agent.ended();
  };
  const killers = {
    launcher: KILLERS.alone,
    "launcher and delegate": KILLERS.tree,
    delegate: KILLERS.below,
    agent: killAgent,
  };
  const runtime = createRuntime(world, list, { ...OFFERS, plugin, env });
  return {
    runtime,
    hurt: async (verb, pod, { moment, victim }) =>
      killAfter(moment, killers[victim], {
        netns: world.netns,
        command: plugin,
        env: { ...environment(verb, pod, pod.path), ...env },
        stdin: firstNetconf(list, verb === "ADD" ? OFFERS : {}),
      }),
    clear: async (pod, n, victim) => {
      const isGone = n % 2 === 0;
      if (isGone) await world.vanish(pod);
      const which = delBy(n, victim);
      if (which === "nobody" || which === "another") await lose();
      if (which === "another") agent = await agents.start(list);
      const by = which === "itself" ? { env: WITHOUT_AGENT } : {};
      const netns = isGone ? "" : pod.path;
      expectOk(await runtime.del(pod, { ...by, forgetful: true, netns }));
      await expectNothing(pod, n, victim);
      if (which === "nobody") agent = await agents.start(list);
    },
  };
}

/** Who carries out the DEL: the agent of before, the launcher's own binary beside it, another agent, or that binary with no agent. */
function delBy(n: number, victim: Victim): "the same" | "itself" | "another" | "nobody" {
  if (victim === "agent") return n % 4 < 2 ? "another" : "nobody";
  return (["the same", "the same", "itself", n % 8 < 4 ? "another" : "nobody"] as const)[
    (n % 4) as 0 | 1 | 2 | 3
  ];
}

async function expectNothing(pod: Pod, n: number, victim: Victim): Promise<void> {
  // The kernel removes the veth of a network namespace that is gone a moment later.
  if (n % 2 === 0) await until("the veth is gone", () => world.veths().length === 0);
  expect([n, ...left(victim)]).toEqual([n]);
  // And nothing comes back.
  await until("nobody works on it", () => workersOf(pod).length === 0);
  expect([n, ...left(victim)]).toEqual([n]);
}

function left(victim: Victim): readonly string[] {
  return leftOn(world).filter((what) => victim === "launcher" || !TORN_LEASE.test(what));
}
