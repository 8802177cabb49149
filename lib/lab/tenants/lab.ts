/** Two tenants on one node, each with its own gateway, and everything that can happen to one. */
import { startResponder } from "../kit/calls";
import { createRuntime, type Pod, type PodSpec } from "../kit/runtime";
import type { Lab, Stage } from "../kit/lab";
import { showBothWays, showHealthy, showLocalTraffic, showMovedLocalRule } from "./healthy";
import { showFlushedTable, showLinkDown, showSilentGateway } from "./lost";
import { buildNet, NODE_PORT, PICTURE, writeConflist, type Net } from "./topology";

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
export interface Scene {
  readonly stage: Stage;
  readonly net: Net;
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
  play,
};

async function play(stage: Stage): Promise<void> {
  const net = await buildNet(stage);
  const conflist = writeConflist(stage, net);
  const rulesBefore = await net.node.must(["sh", "-c", RULES]);
  await startResponder(stage, net.internet, 80, "server");
  await startResponder(stage, net.node, 8080);
  await showRoutes(stage, net, conflist);
  const runtime = createRuntime(stage, net.node, conflist);
  const pods = await attach(stage, runtime);
  if (pods === undefined) return stage.story.say("Without the pods there is nothing more to show.");
  const scene: Scene = { stage, net, conflist, rulesBefore, ...pods };
  const steps = [
    showHealthy,
    showLocalTraffic,
    showBothWays,
    showLinkDown,
    showSilentGateway,
    showFlushedTable,
    showMovedLocalRule,
  ];
  for (const step of steps) await step(scene);
  if (!stage.keep) await takeDown(scene, runtime);
}

async function showRoutes(stage: Stage, { node }: Net, conflist: string): Promise<void> {
  const { story } = stage;
  story.heading("The node's rules and routes, from the tenants of the conflist");
  await node.show(["cat", conflist], { as: "cat tenants.conflist" });
  const first = await applyRoutes(stage, node, conflist);
  story.claim("wrapper routes apply succeeds", first);
  const rules = await node.show(["ip", "rule"]);
  const order = [
    "suppress_prefixlength 0",
    "fwmark 0x10/0xff lookup 100",
    "fwmark 0x10/0xff unreachable",
    "32766:",
  ];
  story.claim(
    "the main table's own routes come first, then each tenant by its mark and mask, behind it a stop",
    inOrder(rules.output, ...order),
  );
  await node.show(["ip", "route", "show", "table", "100"]);
  const second = await stage.wrapper(node, ["routes", "apply", "--conf", conflist, "--sysctl"]);
  story.claim(
    "a second time there is nothing to change",
    second.status === 0 && /changes made: none/.test(second.output),
  );
}

/** `wrapper routes apply`, its output only when it fails. */
export async function applyRoutes(
  stage: Stage,
  node: Net["node"],
  conflist: string,
): Promise<boolean> {
  const { status } = await stage.wrapper(
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
  stage: Stage,
  runtime: ReturnType<typeof createRuntime>,
): Promise<Pick<Scene, "web" | "api" | "plain"> | undefined> {
  const { story } = stage;
  story.heading("Three pods, attached by this binary with the real ptp and portmap");
  story.say(
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
      !story.claim(
        `${spec.pod} is attached, with an IPv4 and an IPv6 address`,
        ok && v4.includes(".") && v6.includes(":"),
      )
    )
      return undefined;
    attached.push({ machine, addresses: [v4, v6] });
    await startResponder(stage, machine, 80);
  }
  const [web, api, plain] = attached as [Attached, Attached, Attached];
  return { web, api, plain };
}

async function takeDown(
  { stage, net, conflist, rulesBefore, web, api, plain }: Scene,
  runtime: ReturnType<typeof createRuntime>,
): Promise<void> {
  const { story } = stage;
  story.heading("The pods are deleted, the node routes removed");
  for (const { machine } of [web, api, plain]) {
    const { ok } = await runtime.del(machine);
    story.claim(`DEL of ${machine.spec.pod} succeeds`, ok);
  }
  const rules = await net.node.show(["sh", "-c", "iptables-save; ip6tables-save"], {
    as: "iptables-save; ip6tables-save",
    silent: true,
  });
  story.claim(
    "no rule of a pod is left, in either family",
    rules.status === 0 && !/tenant-routing|team-a|team-b/.test(rules.output),
  );
  const links = await net.node.show(["ip", "-br", "link"]);
  story.claim(
    "no interface of a pod is left",
    links.status === 0 && !links.output.includes("veth"),
  );
  await stage.wrapper(net.node, ["routes", "remove", "--conf", conflist], { silent: true });
  const left = await net.node.show(["sh", "-c", RULES], { as: RULES });
  story.claim(
    "the node's own rules are as before, but for the rule that was moved",
    left.stdout === rulesBefore.replaceAll(/^0:/gm, "100:"),
  );
}
