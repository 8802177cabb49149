/** Two tenants on one node, each with its own gateway, and everything that can happen to one. */
import { startResponder } from "../kit/calls";
import { createRuntime, type Pod, type PodSpec } from "../kit/runtime";
import type { Lab, Setup } from "../kit/lab";
import { showBothWays, showHealthy, showLocalTraffic, showMovedLocalRule } from "./healthy";
import { showFlushedTable, showLinkDown, showSilentGateway } from "./lost";
import { buildTopology, NODE_PORT, PICTURE, writeConflist, type Topology } from "./topology";

const MARK = "tenant.routing/fwmark";
const RULES = "ip rule; ip -6 rule";
const PODS: readonly PodSpec[] = [
  { pod: "team-a/web-0", annotations: { [MARK]: "tenant-a" }, ports: [`${NODE_PORT}:80`] },
  { pod: "team-b/api-0", annotations: { [MARK]: "0x20" } },
  { pod: "plain/client-0" },
];

/** A pod that is attached. */
export interface Attached {
  readonly machine: Pod;
  /** IPv4 and IPv6. */
  readonly addresses: readonly [string, string];
}

/** What the steps work with. */
export interface Fixture {
  readonly setup: Setup;
  readonly topology: Topology;
  readonly conflist: string;
  /** `ip rule` of both families before anything was done to the node. */
  readonly rulesBefore: string;
  readonly web: Attached;
  readonly api: Attached;
  readonly plain: Attached;
}

export const tenants: Lab = {
  picture: PICTURE,
  programs: ["iptables", "ip6tables"],
  plugins: ["ptp", "host-local", "portmap"],
  run,
};

async function run(setup: Setup): Promise<void> {
  const topology = await buildTopology(setup);
  const conflist = writeConflist(setup, topology);
  const rulesBefore = await topology.node.must(["sh", "-c", RULES]);
  await startResponder(setup, topology.internet, 80, "server");
  await startResponder(setup, topology.node, 8080);
  await showRoutes(setup, topology, conflist);
  const runtime = createRuntime(setup, topology.node, conflist);
  const pods = await attach(setup, runtime);
  if (pods === undefined)
    return setup.transcript.say("Without the pods there is nothing more to show.");
  const fixture: Fixture = { setup, topology, conflist, rulesBefore, ...pods };
  const steps = [
    showHealthy,
    showLocalTraffic,
    showBothWays,
    showLinkDown,
    showSilentGateway,
    showFlushedTable,
    showMovedLocalRule,
  ];
  for (const step of steps) await step(fixture);
  if (!setup.keep) await takeDown(fixture, runtime);
}

async function showRoutes(setup: Setup, { node }: Topology, conflist: string): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("The node's rules and routes, from the tenants of the conflist");
  await node.show(["cat", conflist], { as: "cat tenants.conflist" });
  const first = await applyRoutes(setup, node, conflist);
  transcript.statement("wrapper routes apply succeeds", first);
  const rules = await node.show(["ip", "rule"]);
  const order = [
    "suppress_prefixlength 0",
    "fwmark 0x10/0xff lookup 100",
    "fwmark 0x10/0xff unreachable",
    "32766:",
  ];
  transcript.statement(
    "the main table's own routes come first, then each tenant by its mark and mask, behind it a stop",
    inOrder(rules.output, ...order),
  );
  await node.show(["ip", "route", "show", "table", "100"]);
  const second = await setup.wrapper(node, ["routes", "apply", "--conf", conflist, "--sysctl"]);
  transcript.statement(
    "a second time there is nothing to change",
    second.status === 0 && /changes made: none/.test(second.output),
  );
}

/** `wrapper routes apply`, its output only when it fails. */
export async function applyRoutes(
  setup: Setup,
  node: Topology["node"],
  conflist: string,
): Promise<boolean> {
  const { status } = await setup.wrapper(
    node,
    ["routes", "apply", "--conf", conflist, "--sysctl"],
    { silent: true },
  );
  return status === 0;
}

function inOrder(text: string, ...parts: readonly string[]): boolean {
  const at = parts.map((part) => text.indexOf(part));
  return at.every((place, i) => place >= 0 && place > (at[i - 1] ?? -1));
}

async function attach(
  setup: Setup,
  runtime: ReturnType<typeof createRuntime>,
): Promise<Pick<Fixture, "web" | "api" | "plain"> | undefined> {
  const { transcript } = setup;
  await transcript.heading("Three pods, attached by this binary with the real ptp and portmap");
  transcript.say(
    "cni is what a container runtime does with the conflist; the annotations come from the runtime, as with containerd.",
    "",
  );
  const attached: Attached[] = [];
  for (const spec of PODS) {
    const machine = await runtime.sandbox(spec);
    const {
      ok,
      addresses: [v4 = "", v6 = ""],
    } = await runtime.add(machine);
    if (
      !transcript.statement(
        `${spec.pod} is attached, with an IPv4 and an IPv6 address`,
        ok && v4.includes(".") && v6.includes(":"),
      )
    )
      return undefined;
    attached.push({ machine, addresses: [v4, v6] });
    await startResponder(setup, machine, 80);
  }
  const [web, api, plain] = attached as [Attached, Attached, Attached];
  return { web, api, plain };
}

async function takeDown(
  { setup, topology, conflist, rulesBefore, web, api, plain }: Fixture,
  runtime: ReturnType<typeof createRuntime>,
): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("The pods are deleted, the node routes removed");
  for (const { machine } of [web, api, plain]) {
    const { ok } = await runtime.del(machine);
    transcript.statement(`DEL of ${machine.spec.pod} succeeds`, ok);
  }
  const rules = await topology.node.show(["sh", "-c", "iptables-save; ip6tables-save"], {
    as: "iptables-save; ip6tables-save",
    silent: true,
  });
  transcript.statement(
    "no rule of a pod is left, in either family",
    rules.status === 0 && !/tenant-routing|team-a|team-b/.test(rules.output),
  );
  const links = await topology.node.show(["ip", "-br", "link"]);
  transcript.statement(
    "no interface of a pod is left",
    links.status === 0 && !links.output.includes("veth"),
  );
  await setup.wrapper(topology.node, ["routes", "remove", "--conf", conflist], { silent: true });
  const left = await topology.node.show(["sh", "-c", RULES], { as: RULES });
  transcript.statement(
    "the node's own rules are as before, but for the rule that was moved",
    left.stdout === rulesBefore.replaceAll(/^0:/gm, "100:"),
  );
}
