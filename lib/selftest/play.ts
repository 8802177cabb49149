/** The self-test from the first namespace to the last check. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PluginConf } from "../../conf/types";
import { isObject, own, type JsonObject } from "../cni/json";
import { routedTenants } from "../routes/plan/desired";
import { recallVariant } from "../marks/iptables/variant";
import { createRuntime, type PodSpec, type Runtime } from "../lab/kit/runtime";
import type { Stage } from "../lab/kit/lab";
import { census } from "./census";
import { copyList, withKubeconfig, type ConfList, type Copied } from "./copy";
import { PROPERTIES, type Ledger, type Property } from "./ledger";
import { buildNet, hasIpv6, PORT } from "./net";
import { checkCluster, checkReplyPath } from "./properties/cluster";
import { checkReuse } from "./properties/address-reuse";
import { checkDel } from "./properties/del";
import { checkFailClosed } from "./properties/fail-closed";
import { checkLocalRule } from "./properties/local-rule";
import { checkLostGateway } from "./properties/lost-gateway";
import { checkMask } from "./properties/mask";
import { checkNodeRoutes } from "./properties/node-routes";
import { checkOwnGateway } from "./properties/own-gateway";
import { annotate, attach, familiesOf, type Attached, type Scene, type Tested } from "./scene";
import { delegatesIn, planSegments } from "./segments";
import { MOST_TENANTS, type Subject } from "./subjects";

export interface Task {
  readonly conf: PluginConf;
  readonly list: ConfList;
  readonly subjects: readonly Subject[];
  readonly ledger: Ledger;
  /** Where the machine's CNI plugins are. */
  readonly pluginDirs: readonly string[];
  /** Says what is being done now, while it is done. */
  readonly tell: (text: string) => void;
}

/** Discard (RFC 863): nobody listens there in a new namespace. */
const NOBODY = "https://127.0.0.1:9";
const FIRST_HOST_PORT = 30900;

/** The chain as it will run. Reads of the real node only which iptables it has decided for. */
export function copyFor({ conf, list, pluginDirs }: Task, dir: string): Copied {
  const iptables = conf.iptables === "auto" ? recallVariant(conf.dataDir) : undefined;
  const has = (type: string): boolean => pluginDirs.some((at) => existsSync(join(at, type)));
  return copyList(list, conf, { dir, leases: join(dir, "leases"), ipv6: hasIpv6(), iptables, has });
}

/** Builds the test node, and fills the ledger. */
export async function play(stage: Stage, task: Task): Promise<void> {
  const { conf, ledger } = task;
  const copied = copyFor(task, stage.dir);
  for (const note of [...copied.notes, ...untested(task)]) ledger.note(note);
  const conflist = stage.write("selftest.conflist", copied.list);
  const [first] = copied.list.plugins;
  task.tell("a node, its gateways and neighbours are made, in network namespaces");
  const net = await buildNet(stage, planSegments(conf, delegatesIn(conf, first)));
  const step = counted(task.tell);
  step("routes");
  await checkNodeRoutes({ stage, net, conflist, ledger }, routedTenants(conf).length > 0);
  const runtime = createRuntime(stage, net.node, conflist);
  const before = await census(net.node, stage.dir);
  step("delegate");
  const pods = await attachAll({ stage, runtime, conf, ledger, subjects: task.subjects });
  if (pods === undefined) return;
  const scene: Scene = {
    stage,
    net,
    conf,
    conflist,
    runtime,
    ledger,
    portmap: copied.list.plugins.some(publishes),
    ...pods,
  };
  step("gateway");
  const working = await checkOwnGateway(scene);
  const rest: readonly (readonly [Property, () => Promise<void>])[] = [
    ["cluster", () => checkCluster(scene, working)],
    ["reply", () => checkReplyPath(scene, working)],
    ["mask", () => checkMask(scene)],
    ["reuse", () => checkReuse(scene, working)],
    ["closed", () => checkFailClosed(scene, runtimeWithApi(scene, copied.list))],
    ["loss", () => checkLostGateway(scene, working)],
    ["local", () => checkLocalRule(scene, working)],
    ["del", () => checkDel(scene, before)],
  ];
  for (const [property, check] of rest) {
    step(property);
    await check();
  }
}

function counted(tell: Task["tell"]): (property: Property) => void {
  let n = 0;
  return (property) => tell(`${++n} of ${Object.keys(PROPERTIES).length}: ${PROPERTIES[property]}`);
}

/** A runtime whose conflist names an API server that does not answer; undefined where the operator's names none. */
function runtimeWithApi({ stage, net, conf }: Scene, list: ConfList): Runtime | undefined {
  if (conf.kubeconfig === undefined) return undefined;
  return createRuntime(
    stage,
    net.node,
    stage.write("with-api.conflist", withKubeconfig(list, writeKubeconfig(stage))),
  );
}

function untested({ conf, subjects }: Task): readonly string[] {
  const names = (conf.tenants ?? [])
    .map(({ name }) => name)
    .filter((name) => !subjects.some((subject) => subject.name === name));
  return names.length === 0
    ? []
    : [`not tested, because ${MOST_TENANTS} of a kind are enough: ${names.join(", ")}`];
}

interface Attaching extends Pick<Scene, "stage" | "runtime" | "conf" | "ledger"> {
  readonly subjects: readonly Subject[];
}

/** A pod without a tenant and one for each subject. Without the first there is nothing to compare with. */
async function attachAll({
  stage,
  runtime,
  conf,
  ledger,
  subjects,
}: Attaching): Promise<Pick<Scene, "plain" | "tested"> | undefined> {
  const { attached: plain, ran } = await attach(stage, runtime, { pod: "selftest/plain" });
  if (plain === undefined) {
    ledger.fail(
      "delegate",
      {},
      `a pod without a tenant does not start: ${ran.output}`,
      "correct the delegate, or install its plugins into CNI_PATH",
    );
    return undefined;
  }
  ledger.ok("delegate");
  const tested: Tested[] = [];
  for (const [n, subject] of subjects.entries()) {
    const hostPort = FIRST_HOST_PORT + n;
    const spec = {
      pod: `${subject.namespace ?? ""}/tenant-${n}`,
      annotations: annotate(conf, subject.value),
      ports: [`${hostPort}:${PORT}`],
    };
    const attached = await attachOne({ stage, runtime, ledger }, subject, spec);
    if (attached !== undefined)
      tested.push({ ...subject, attached, families: familiesOf(attached), hostPort });
  }
  return { plain, tested };
}

async function attachOne(
  { stage, runtime, ledger }: Pick<Attaching, "stage" | "runtime" | "ledger">,
  { name, namespace }: Subject,
  spec: PodSpec,
): Promise<Attached | undefined> {
  const about = { tenant: name };
  if (namespace === undefined) {
    ledger.fail(
      "delegate",
      about,
      "every namespace that may use it is exempt, or there is none",
      'correct "namespaces" of the tenant, or exemptNamespaces',
    );
    return undefined;
  }
  const { attached, ran } = await attach(stage, runtime, spec);
  if (attached === undefined)
    ledger.fail(
      "delegate",
      about,
      `its pod does not start: ${ran.output}`,
      "correct what the message names",
    );
  else ledger.ok("delegate", about);
  return attached;
}

function publishes(plugin: JsonObject): boolean {
  const capabilities = own(plugin, "capabilities");
  return (
    own(plugin, "type") === "portmap" &&
    isObject(capabilities) &&
    own(capabilities, "portMappings") === true
  );
}

function writeKubeconfig(stage: Stage): string {
  const content: JsonObject = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "nobody", cluster: { server: NOBODY } }],
    users: [{ name: "selftest", user: { token: "selftest" } }],
    contexts: [{ name: "selftest", context: { cluster: "nobody", user: "selftest" } }],
    "current-context": "selftest",
  };
  return stage.write("kubeconfig", content);
}
