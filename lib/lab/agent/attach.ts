/** The first pods of the lab `agent`, attached through the launcher and the agent. */
import { objectsOf, startApiServer, type ApiServer } from "../kit/api/server";
import type { Setup } from "../kit/lab";
import type { PodSpec, Runtime } from "../kit/runtime";
import { addSender, MARK, now, runCheck, stateWays, type Fixture, type Sender } from "./fixture";
import { answers, startAgent, type Resident } from "../kit/agent/resident";
import { NODE, type Topology } from "./topology";

const WEB: PodSpec = { pod: "team-a/web-0", annotations: { [MARK]: "tenant-a" } };
const MAIL: PodSpec = { pod: "team-b/mail-0", annotations: { [MARK]: "tenant-b" } };
const PLAIN: PodSpec = { pod: "plain/plain-0" };

export interface Node {
  readonly setup: Setup;
  readonly topology: Topology;
  readonly conflist: string;
  readonly runtime: Runtime;
}

/** The server that has the pods' annotations, where there is one; so far with their namespaces only. */
export async function startAnnotations({
  setup,
  topology: { node },
}: Node): Promise<ApiServer | undefined> {
  const program = setup.apiServer;
  if (program === undefined) return undefined;
  const namespaces = objectsOf(
    [WEB, MAIL, PLAIN].map((spec) => ({ spec, uid: "" })),
    {},
  ).filter(({ kind }) => kind === "Namespace");
  return startApiServer(setup, node, { program, host: NODE[0] }, namespaces);
}

/** The agent listens where only root can connect. */
export async function showStart({ setup, topology, conflist }: Node): Promise<Resident> {
  const { transcript, agentSocket = "" } = setup;
  await transcript.heading("The agent starts: it makes the node's routes, and listens");
  await topology.node.show(["cat", conflist], { as: "cat tenants.conflist" });
  const agent = await startAgent(setup, topology.node, conflist, "agent-1");
  await agent.listening();
  const mode = await topology.node.show(["stat", "-c", "%F, mode %a, of %U", agentSocket], {
    as: "stat agent.sock",
  });
  transcript.statement(
    "its socket is for root only",
    mode.stdout.trim() === "socket, mode 600, of root",
  );
  transcript.statement("it answers there", await answers(agentSocket));
  const hasRules = await setup.shell.until(async () => {
    const rules = await topology.node.must(["ip", "rule"]);
    return ["0x10/0xff lookup 100", "0x20/0xff lookup 200"].every((rule) => rules.includes(rule));
  }, 30_000);
  await topology.node.show(["ip", "rule"]);
  transcript.statement("the tenants' rules are there", hasRules);
  return agent;
}

/** Attaches the three pods; undefined when one of them does not start. */
export async function attachPods(
  node: Node,
  api: ApiServer | undefined,
): Promise<Pick<Fixture, "web" | "mail" | "plain"> | undefined> {
  const { setup, topology, runtime } = node;
  const { transcript } = setup;
  await transcript.heading("Three pods, attached by the launcher and the agent with the real ptp");
  transcript.say(
    `The plugin is the launcher; ptp runs as its child. The annotations come from ${api === undefined ? "the runtime, as with containerd" : "the API server"}.`,
    "From its ADD on, each pod sends a packet of each family a millisecond.",
    "",
  );
  const senders: Sender[] = [];
  for (const [spec, way] of [
    [WEB, topology.a],
    [MAIL, topology.b],
    [PLAIN, topology.byDefault],
  ] as const) {
    const sender = await addSender({ setup, runtime, api }, await runtime.sandbox(spec), way);
    const isAttached = transcript.statement(
      `${spec.pod} is attached, with an IPv4 and an IPv6 address`,
      sender !== undefined,
    );
    if (!isAttached || sender === undefined) return undefined;
    senders.push(sender);
  }
  const [web, mail, plain] = senders as [Sender, Sender, Sender];
  return { web, mail, plain };
}

/** Each pod's packets take its tenant's way, and `wrapper check` agrees. */
export async function showWays(fixture: Fixture): Promise<void> {
  const { transcript } = fixture.setup;
  await transcript.heading("Each pod's packets come to its gateway, and to no other");
  // From the first packet on.
  await stateWays(fixture, new Map([...(await now(fixture.topology)).keys()].map(nothingYet)));
  const { dir } = fixture.setup;
  const records = await fixture.topology.node.show(
    ["sh", "-c", `cat '${dir}'/state/*.json | grep -o '"pid": *[0-9]*'`],
    { as: "grep pid state/*.json   (who carried out the ADD)" },
  );
  transcript.statement(
    `all records are of the agent, process ${fixture.agent.pid}`,
    records.stdout.trim().split("\n").length === 3 &&
      records.stdout.split(`${fixture.agent.pid}\n`).length === 4,
  );
  const checked = await runCheck(fixture);
  transcript.statement("wrapper check finds everything in order", checked.status === 0);
  transcript.statement(
    "it lists pods, tenants and marks",
    [/team-a\/web-0 .*tenant-a .*0x10\/0xff/, /team-b\/mail-0 .*tenant-b .*0x20\/0xff/].every(
      (row) => row.test(checked.output),
    ),
  );
}

function nothingYet<Key>(way: Key): readonly [Key, ReadonlyMap<string, number>] {
  return [way, new Map()];
}
