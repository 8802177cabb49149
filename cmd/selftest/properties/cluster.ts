/** What is in the cluster, or excluded, does not go to the tenant's gateway; and the reply path of calls from outside. */
import { parsePrefix } from "../../../lib/cni/prefix";
import type { Family } from "../../../lib/ports";
import { call, target } from "../../lab/calls";
import { CLIENT, NODE, OTHER_POD } from "../addresses";
import { NODE_PORT, PORT } from "../net";
import { ask, forEachFamily, pick, type Scene, type Tested } from "../scene";
import { countAt, gatewaysOf } from "./own-gateway";

/** Of `excludeDestinations`, for each family. */
const MOST_EXCLUDED = 3;

interface Goal {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Who answers. */
  readonly by: string;
}

/** Pod to pod, to the node, to another node's pod, to what is excluded. */
export async function checkCluster(scene: Scene, working: readonly Tested[]): Promise<void> {
  await forEachFamily(working, async (one, family) => {
    const wrong: string[] = [];
    for (const goal of goalsOf(scene, family)) {
      const { by, error } = await ask(scene, one.attached.pod, goal.address, goal.port);
      if (by !== goal.by) wrong.push(`${goal.name} (${by === "" ? error : `answered by ${by}`})`);
    }
    const taken = await takenByGateway(scene, one, family);
    const about = { tenant: one.name, family };
    if (wrong.length > 0) scene.ledger.fail("cluster", about, `its pods do not reach ${wrong.join(", ")}`, 'let what the main table knows come before the tenants: leave routes.localPriority before routes.tenantPriority; a delegate that goes past the node (macvlan, ipvlan) cannot be used for tenants');
    if (taken.length > 0) scene.ledger.fail("cluster", about, `excluded, and yet at its gateway: ${taken.join(", ")}`, "leave routes.excludePriority before routes.tenantPriority, and no rule of others before both");
    if (wrong.length + taken.length === 0) scene.ledger.ok("cluster", about);
  });
}

function goalsOf({ plain }: Scene, family: Family): readonly Goal[] {
  const pod = plain.addresses[family];
  return [
    ...(pod === undefined ? [] : [{ name: "another pod of the node", address: pod, port: PORT, by: plain.pod.name }]),
    { name: "the node", address: pick(NODE, family), port: NODE_PORT, by: "node" },
    { name: "a pod of another node", address: pick(OTHER_POD, family), port: PORT, by: "other-node" },
  ];
}

/** Excluded destinations of which a packet arrived at the tenant's gateway. */
async function takenByGateway(scene: Scene, one: Tested, family: Family): Promise<readonly string[]> {
  const addresses = scene.conf.routes.excludeDestinations.filter((text) => parsePrefix(text)?.family === family).slice(0, MOST_EXCLUDED).map(addressIn);
  const machines = gatewaysOf(scene, one, family).map(({ machine }) => machine);
  const taken: string[] = [];
  for (const address of addresses) {
    const count = await countAt(machines, address);
    await call(scene.stage, one.attached.pod, target(address, PORT), { quiet: true, timeoutMs: 500 });
    if ((await count()) > 0) taken.push(address);
  }
  return taken;
}

// One that is nobody's: the first of a network is most often a router of it.
function addressIn(text: string): string {
  const [address = "", length] = text.split("/");
  if (length === undefined || length === (address.includes(":") ? "128" : "32")) return address;
  return address.includes(":") ? `${address.replace(/::$/, "")}::5e1f`.replace(":::", "::") : address.replace(/\d+$/, (last) => String(Number(last) + 3));
}

/** A client beyond the default gateway calls the tenant's pod. */
export async function checkReplyPath(scene: Scene, working: readonly Tested[]): Promise<void> {
  const { conf, ledger, net, plugins, stage } = scene;
  if (conf.markReplies) {
    const publishes = plugins.includes("portmap");
    const reason = `markReplies is true: replies to calls from outside leave by the tenant's gateway${publishes ? ", although portmap publishes ports to clients outside" : ", so clients of a NodePort or LoadBalancer get no answer"}`;
    return publishes ? ledger.fail("reply", {}, reason, 'remove "markReplies", or portmap') : ledger.skip("reply", {}, reason, 'remove "markReplies", if such clients exist');
  }
  await forEachFamily(working, async (one, family) => {
    const pod = one.attached.addresses[family] ?? "";
    const { by, error } = await call(stage, net.byDefault, target(pod, PORT), { quiet: true, source: pick(CLIENT, family) });
    const about = { tenant: one.name, family };
    if (by === one.attached.pod.name) ledger.ok("reply", about);
    else ledger.fail("reply", about, `a client beyond the default gateway gets no answer from its pod: ${error}`, "see that conntrack works on this node and that no other rule marks replies");
  });
}
