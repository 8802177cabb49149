/** The lab `tenants` for an audience: an agent shows its page, and a gateway is lost in front of everybody. */
import { openRelay } from "../../agent/relay";
import { LIMIT_MS, startAgent } from "../kit/agent/resident";
import { startResponder } from "../kit/calls";
import type { Setup } from "../kit/lab";
import { createRuntime } from "../kit/runtime";
import { attachPods } from "./attach";
import { DEAF } from "./lost";
import { buildTopology, SERVER, writeConflist, type Topology } from "./topology";

/** Where nobody answers, and nobody has to. */
const PORT = "9";
/** Fewer packets a second are what the watcher sends to see whether a gateway answers. */
const TRAFFIC = 100;

/** What the page is made from, as far as the lab looks at it. */
interface Shown {
  readonly groups: readonly {
    readonly tenant: string | null;
    readonly pods: readonly { readonly pod: string; readonly state: string }[];
    readonly gateways: readonly {
      readonly dev: string | null;
      readonly state: string;
      readonly devicePacketsPerSecond: number | null;
    }[];
    readonly packetsPerSecond: number | null;
  }[];
}

interface Stage {
  readonly setup: Setup;
  readonly topology: Topology;
  readonly url: string;
}

/** Runs until the last step; the page ends with it. */
export async function runWithPage(setup: Setup): Promise<void> {
  const topology = await buildTopology(setup);
  const socket = `${setup.dir}/agent.sock`;
  const conflist = writeConflist(setup, topology, { agentSocket: socket });
  await startResponder(setup, topology.internet, 80, "server");
  const runtime = createRuntime(setup, topology.node, conflist);
  const pods = await attachPods(setup, topology.node, runtime);
  if (pods === undefined)
    return setup.transcript.say("Without the pods there is nothing more to show.");
  await setup.transcript.heading("The agent starts, makes the node's routes, and shows its page");
  const agent = await startAgent(setup, topology.node, conflist, "agent");
  await agent.listening();
  const relay = await openRelay(socket);
  try {
    const stage = { setup, topology, url: relay.url };
    await showAddress(stage);
    for (const { machine } of [pods.web, pods.api0, pods.plain])
      await machine.background([setup.binary, "lab", "probe", "flood", PORT, ...SERVER]);
    for (const step of [showTraffic, showLost, showBack, showRepair]) await step(stage);
    await setup.transcript.heading("The lab ends, and the page with it");
  } finally {
    relay.close();
  }
}

async function showAddress({ setup: { transcript }, url }: Stage): Promise<void> {
  const page = await fetch(url);
  transcript.say("", `The page of this node: ${url}`, "");
  transcript.statement(
    "it is there for this machine's browsers, and asks nobody but the agent",
    page.ok && (page.headers.get("content-security-policy") ?? "").includes("default-src 'none'"),
  );
}

async function showTraffic(stage: Stage): Promise<void> {
  await stage.setup.transcript.heading("The pods send: each tenant's packets go by its gateway");
  await states(
    stage,
    "the page shows web-0 of tenant A, its packets, and that they leave by eth1",
    (shown) => {
      const group = tenantA(shown);
      const isThere = group?.pods.some(
        ({ pod, state }) => pod === "team-a/web-0" && state === "marked",
      );
      return isThere === true && (group?.packetsPerSecond ?? 0) > TRAFFIC && isBusy(shown, "eth1");
    },
  );
}

async function showLost(stage: Stage): Promise<void> {
  const { setup, topology } = stage;
  await setup.transcript.heading("Gateway A hangs: tenant A's packets move to gateway B");
  await topology.a.machine.show(["nft", DEAF], { as: `nft '${DEAF}'` });
  await states(
    stage,
    "the page shows gateway A lost, and tenant A's packets at gateway B",
    (shown) =>
      stateOf(shown, "eth1") === "lost" && stateOf(shown, "eth2") === "up" && isBusy(shown, "eth2"),
  );
  await states(stage, "nothing leaves by eth1 any more", (shown) => !isBusy(shown, "eth1"));
  await happens(
    stage,
    "the time line has it",
    ({ kind, message }) => kind === "lost" && message.includes("eth1"),
  );
}

async function showBack(stage: Stage): Promise<void> {
  const { setup, topology } = stage;
  await setup.transcript.heading("Gateway A is back");
  await topology.a.machine.show(["nft", "delete table netdev hang"]);
  await states(
    stage,
    "the page shows it up, and tenant A's packets there",
    (shown) => stateOf(shown, "eth1") === "up" && isBusy(shown, "eth1"),
  );
}

async function showRepair(stage: Stage): Promise<void> {
  const { setup, topology } = stage;
  await setup.transcript.heading("Somebody flushes the pods' marks: the agent puts them back");
  const flush = "iptables -w -t mangle -F PREROUTING; ip6tables -w -t mangle -F PREROUTING";
  await topology.node.show(["sh", "-c", flush], { as: flush });
  await happens(stage, "the time line has the repair", ({ kind }) => kind === "repair");
  await states(
    stage,
    "no pod lacks its mark",
    ({ groups }) => !groups.some(({ pods }) => pods.some(({ state }) => state === "missing")),
  );
}

function tenantA({ groups }: Shown): Shown["groups"][number] | undefined {
  return groups.find(({ tenant }) => tenant === "tenant-a");
}

function stateOf(shown: Shown, dev: string): string | undefined {
  const states = tenantA(shown)?.gateways.filter((gateway) => gateway.dev === dev) ?? [];
  // One for each family.
  const [first] = states;
  return states.every(({ state }) => state === first?.state) ? first?.state : undefined;
}

function isBusy(shown: Shown, dev: string): boolean {
  const gateway = tenantA(shown)?.gateways.find((each) => each.dev === dev);
  return (gateway?.devicePacketsPerSecond ?? 0) > TRAFFIC;
}

async function states(
  { setup: { transcript, shell }, url }: Stage,
  text: string,
  holds: (shown: Shown) => boolean,
): Promise<void> {
  const isSo = async (): Promise<boolean> => holds(await read<Shown>(url, "node"));
  transcript.statement(text, await shell.until(isSo, LIMIT_MS));
}

interface Happened {
  readonly kind: string;
  readonly message: string;
}

async function happens(
  { setup: { transcript, shell }, url }: Stage,
  text: string,
  matches: (event: Happened) => boolean,
): Promise<void> {
  const has = async (): Promise<boolean> =>
    (await read<{ readonly events: readonly Happened[] }>(url, "events")).events.some(matches);
  transcript.statement(text, await shell.until(has, LIMIT_MS));
}

async function read<T>(url: string, name: string): Promise<T> {
  return (await (await fetch(`${url}api/v1/${name}`)).json()) as T;
}
