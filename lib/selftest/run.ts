/** The self-test from the first namespace to the last check. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PluginConf } from "../../conf/types";
import { isObject, own, type JsonObject } from "../cni/json";
import { routedTenants } from "../routes/plan/desired";
import { recallVariant } from "../marks/iptables/variant";
import { createRuntime, type PodSpec, type Runtime } from "../lab/kit/runtime";
import type { Setup } from "../lab/kit/lab";
import { inventory } from "./inventory";
import { allDestinations } from "./destinations";
import { copyList, forWatcher, withKubeconfig, type ConfList, type Copied } from "./copy";
import { PROPERTIES, type Results, type Property } from "./results";
import { buildTopology, hasIpv6, PORT } from "./topology";
import { checkCluster, checkReplyPath } from "./properties/cluster";
import { checkSilent } from "./properties/silent-gateways";
import { checkReuse } from "./properties/address-reuse";
import { checkDestinations } from "./properties/destinations";
import { checkDel } from "./properties/del";
import { checkFailClosed } from "./properties/fail-closed";
import { checkLocalRule } from "./properties/local-rule";
import { checkLostGateway } from "./properties/lost-gateway";
import { checkMask } from "./properties/mask";
import { checkNodeRoutes } from "./properties/node-routes";
import { checkOwnGateway } from "./properties/own-gateway";
import { annotate, attach, familiesOf, type Attached, type Fixture, type Tested } from "./fixture";
import { delegatesIn, planSegments } from "./segments";
import { MOST_TENANTS, type TestTenant } from "./tenants";

export interface Task {
  readonly conf: PluginConf;
  readonly list: ConfList;
  readonly tenants: readonly TestTenant[];
  readonly results: Results;
  /** Where the machine's CNI plugins are. */
  readonly pluginDirs: readonly string[];
  /** Takes what is being done now, for people. */
  readonly progress: (text: string) => void;
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

/** Builds the test node, runs every check on it and fills the results. */
export async function runSelftest(setup: Setup, task: Task): Promise<void> {
  const { conf, results } = task;
  const copied = copyFor(task, setup.dir);
  for (const note of [...copied.notes, ...untested(task)]) results.note(note);
  const conflist = setup.write("selftest.conflist", copied.list);
  const [first] = copied.list.plugins;
  task.progress("a node, its gateways and neighbours are made, in network namespaces");
  const destinations = allDestinations(conf);
  const segments = planSegments(conf, delegatesIn(conf, first));
  const topology = await buildTopology(setup, segments, destinations);
  const step = counted(task.progress, destinations.length > 0);
  step("routes");
  await checkNodeRoutes({ setup, topology, conflist, results }, routedTenants(conf).length > 0);
  const runtime = createRuntime(setup, topology.node, conflist);
  const before = await inventory(topology.node, setup.dir);
  step("delegate");
  const pods = await attachAll({ setup, runtime, conf, results, tenants: task.tenants });
  if (pods === undefined) return;
  const fixture: Fixture = {
    setup,
    topology,
    conf,
    conflist,
    runtime,
    results,
    portmap: copied.list.plugins.some(publishes),
    ...pods,
  };
  step("gateway");
  const working = await checkOwnGateway(fixture);
  const rest: readonly (readonly [Property, () => Promise<void>])[] = [
    ...(destinations.length === 0
      ? []
      : [["networks", () => checkNetworks(fixture, working, copied.list)] as const]),
    ["cluster", () => checkCluster(fixture, working)],
    ["reply", () => checkReplyPath(fixture, working)],
    ["mask", () => checkMask(fixture)],
    ["reuse", () => checkReuse(fixture, working)],
    ["closed", () => checkFailClosed(fixture, runtimeWithApi(fixture, copied.list))],
    ["loss", () => checkLostGateway(fixture, working)],
    ["local", () => checkLocalRule(fixture, working)],
    ["del", () => checkDel(fixture, before)],
  ];
  for (const [property, check] of rest) {
    step(property);
    await check();
  }
}

async function checkNetworks(
  fixture: Fixture,
  working: readonly Tested[],
  list: ConfList,
): Promise<void> {
  const lost = await checkDestinations(fixture, working);
  await checkSilent(fixture, lost, forWatcher(list));
}

/** A conflist without networks of their own has one property less. */
function counted(progress: Task["progress"], hasNetworks: boolean): (property: Property) => void {
  let n = 0;
  const all = Object.keys(PROPERTIES).length - (hasNetworks ? 0 : 1);
  return (property) => progress(`${++n} of ${all}: ${PROPERTIES[property]}`);
}

/** A runtime whose conflist names an API server that does not answer; undefined where the operator's names none. */
function runtimeWithApi({ setup, topology, conf }: Fixture, list: ConfList): Runtime | undefined {
  if (conf.kubeconfig === undefined) return undefined;
  return createRuntime(
    setup,
    topology.node,
    setup.write("with-api.conflist", withKubeconfig(list, writeKubeconfig(setup))),
  );
}

function untested({ conf, tenants }: Task): readonly string[] {
  const names = (conf.tenants ?? [])
    .map(({ name }) => name)
    .filter((name) => !tenants.some((tenant) => tenant.name === name));
  return names.length === 0
    ? []
    : [`not tested, because ${MOST_TENANTS} of a kind are enough: ${names.join(", ")}`];
}

interface Attaching extends Pick<Fixture, "setup" | "runtime" | "conf" | "results"> {
  readonly tenants: readonly TestTenant[];
}

/** A pod without a tenant, and one for each tenant to test. Without the former there is nothing to compare with. */
async function attachAll({
  setup,
  runtime,
  conf,
  results,
  tenants,
}: Attaching): Promise<Pick<Fixture, "plain" | "tested"> | undefined> {
  const { attached: plain, ran } = await attach(setup, runtime, { pod: "selftest/plain" });
  if (plain === undefined) {
    results.fail(
      "delegate",
      {},
      `a pod without a tenant does not start: ${ran.output}`,
      "correct the delegate, or install its plugins into CNI_PATH",
    );
    return undefined;
  }
  results.ok("delegate");
  const tested: Tested[] = [];
  for (const [n, tenant] of tenants.entries()) {
    const hostPort = FIRST_HOST_PORT + n;
    const spec = {
      pod: `${tenant.namespace ?? ""}/tenant-${n}`,
      annotations: annotate(conf, tenant.value),
      ports: [`${hostPort}:${PORT}`],
    };
    const attached = await attachOne({ setup, runtime, results }, tenant, spec);
    if (attached !== undefined)
      tested.push({ ...tenant, attached, families: familiesOf(attached), hostPort });
  }
  return { plain, tested };
}

async function attachOne(
  { setup, runtime, results }: Pick<Attaching, "setup" | "runtime" | "results">,
  { name, namespace }: TestTenant,
  spec: PodSpec,
): Promise<Attached | undefined> {
  const about = { tenant: name };
  if (namespace === undefined) {
    results.fail(
      "delegate",
      about,
      "every namespace that may use it is exempt, or there is none",
      'correct "namespaces" of the tenant, or exemptNamespaces',
    );
    return undefined;
  }
  const { attached, ran } = await attach(setup, runtime, spec);
  if (attached === undefined)
    results.fail(
      "delegate",
      about,
      `its pod does not start: ${ran.output}`,
      "correct what the message names",
    );
  else results.ok("delegate", about);
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

function writeKubeconfig(setup: Setup): string {
  const content: JsonObject = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "nobody", cluster: { server: NOBODY } }],
    users: [{ name: "selftest", user: { token: "selftest" } }],
    contexts: [{ name: "selftest", context: { cluster: "nobody", user: "selftest" } }],
    "current-context": "selftest",
  };
  return setup.write("kubeconfig", content);
}
