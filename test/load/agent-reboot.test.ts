/**
 * A reboot of a full node: /run is empty, the leases of the old pods are on disk. The runtime deletes the old
 * sandboxes and adds a pod for each at once, with an agent, without one, and while one starts.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Conf } from "../helpers/conf";
import { installLauncher } from "../helpers/mode";
import { useAgents } from "../helpers/node-agent";
import { elementsOn, leftOn } from "../helpers/node-left";
import { ASKS, annotated, createRuntime, ourList, type Runtime } from "../helpers/node-runtime";
import { useNode, type Pod } from "../helpers/node-world";
import { ERRORS } from "../../lib/cni/error";
import { expectOk, type Outcome } from "../helpers/outcome";
import { until } from "../helpers/shell";
import { together } from "../helpers/together";

const world = useNode();
const agents = useAgents(world);
/** The kubelet's default for pods on a node. */
const PODS = 110;
/** The name of the tests' network, and what its IPAM gives to the pods, one after the other. */
const NETWORK = "tr-node";
const address = (n: number): string => `10.88.0.${n + 2}`;
/** The shortest deadline that there is (lockTimeout): until then nothing is refused. After it a runtime tries again. */
const DEADLINE_MS = 20_000;
/** Answers after which the agent comes up, where it comes late. */
const LATE = 40;
const BACKENDS = {
  nftables: { backend: "nftables" },
  "iptables-nft": { backend: "iptables", iptables: "nft" },
} as const;

interface Case {
  readonly marks: keyof typeof BACKENDS;
  readonly agent: "from the start" | "late" | "never";
}

const CASES: readonly Case[] = [
  { marks: "nftables", agent: "from the start" },
  { marks: "iptables-nft", agent: "from the start" },
  { marks: "nftables", agent: "late" },
  { marks: "iptables-nft", agent: "never" },
];

function listFor(marks: Case["marks"]) {
  const ipam = {
    ...world.ipam(),
    ranges: [[{ subnet: "10.88.0.0/23" }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  const delegate = { type: "ptp", ipMasq: false, ipam };
  return ourList(world, { ...ASKS, ...BACKENDS[marks], delegate });
}

/**
 * The node as its reboot leaves it: /run is empty, and of the old pods there are the leases and the runtime's
 * results. One of them was added; those of the others are made like its own.
 */
async function rebooted(runtime: Runtime): Promise<readonly Pod[]> {
  const first = world.newPod("team-a", "old-0");
  expectOk(await runtime.add(first));
  const old = Array.from({ length: PODS }, (_, n) =>
    n === 0 ? first : { ...first, id: world.newId(), name: `old-${n}` },
  );
  const leases = join(world.dir, "ipam", NETWORK);
  const lease = readFileSync(join(leases, address(0)), "utf8");
  const result = JSON.stringify(runtime.cache.get(first.id));
  old.slice(1).forEach(({ id }, at) => {
    writeFileSync(join(leases, address(at + 1)), lease.replace(first.id, id));
    runtime.cache.set(id, JSON.parse(result.replaceAll(address(0), address(at + 1))) as Conf);
  });
  writeFileSync(join(leases, "last_reserved_ip.0"), address(PODS - 1));
  await world.vanish(first);
  world.inside(undefined, "nft", "flush", "ruleset");
  rmSync(world.dataDir, { recursive: true, force: true });
  return old;
}

const all = (pods: readonly Pod[], body: (pod: Pod) => Promise<Outcome>) =>
  together(pods.length, (n) => body(pods[n] as Pod));

/** All DELs and ADDs at once, as at the runtime's start; `onAnswer` is told how many have been answered. */
async function start(
  runtime: Runtime,
  { old, pods }: { old: readonly Pod[]; pods: readonly Pod[] },
  onAnswer: (count: number) => void,
): Promise<readonly Outcome[]> {
  let answered = 0;
  const calls = [
    ...old.map((pod) => () => runtime.del(pod, { netns: "" })),
    ...pods.map((pod) => () => runtime.add(pod)),
  ];
  return together(calls.length, async (n) => {
    const outcome = await (calls[n] as () => Promise<Outcome>)();
    onAnswer(++answered);
    return outcome;
  });
}

/** `<pod>` of all that is marked, each as often as there are pieces of it. */
function marked(marks: Case["marks"]): readonly string[] {
  const texts =
    marks === "nftables"
      ? elementsOn(world).filter((text) => text.startsWith("tenant-routing-marks"))
      : world.firewall.ours().filter((rule) => !rule.includes("0x0/0xff"));
  return texts.flatMap((text) => /team-a\/(\S+)/.exec(text)?.[1] ?? []).sort();
}

const names = (pods: readonly Pod[]): readonly string[] => pods.map(({ name }) => name).sort();
const code = ({ json }: Outcome): unknown => json?.["code"];

test.each(CASES)(
  `marks by $marks, the agent $agent: ${PODS} old sandboxes and ${PODS} pods, each has its answer, and marks = records = pods`,
  async ({ marks, agent }) => {
    const list = listFor(marks);
    const plugin = installLauncher(world.dir);
    const env = { TENANT_ROUTING_AGENT_SOCKET: agents.socket() };
    const runtime = createRuntime(world, list, { ...annotated("0x10/0xff"), plugin, env });
    const old = await rebooted(runtime);
    expect(world.leases()).toHaveLength(PODS);

    if (agent === "from the start") await agents.start(list);
    let coming: Promise<unknown> | undefined;
    const pods = Array.from({ length: PODS }, (_, n) => world.newPod("team-a", `web-${n}`));
    const outcomes = await start(runtime, { old, pods }, (count) => {
      if (agent === "late" && count >= LATE) coming ??= agents.start(list);
    });
    await coming;
    const refused = outcomes.filter((each) => code(each) === ERRORS.tryAgainLater.code);
    expect(refused.filter(({ ms }) => ms < DEADLINE_MS)).toEqual([]);
    outcomes.filter((each) => !refused.includes(each)).forEach(expectOk);
    const again = new Set(refused.map(({ id }) => id));
    for (const pod of [...old, ...pods].filter(({ id }) => again.has(id)))
      expectOk(await runtime.del(pod, { netns: old.includes(pod) ? "" : pod.path }));
    for (const pod of pods.filter(({ id }) => again.has(id))) expectOk(await runtime.add(pod));
    expect(marked(marks)).toEqual(names(pods));
    expect(world.leases().map((lease) => lease.split(" ")[1])).toEqual(
      expect.arrayContaining(pods.map(({ id }) => id)),
    );
    const records = (): number => world.records().filter((name) => name.endsWith(".json")).length;
    // A DEL that a launcher had given up may leave its mark in the journal; the agent's next look takes it.
    await until("records = pods", () => records() === PODS);
    expect([world.leases().length, world.veths().length]).toEqual([PODS, PODS]);

    (await all(pods, (pod) => runtime.del(pod))).forEach(expectOk);
    expect(leftOn(world)).toEqual([]);
  },
);
