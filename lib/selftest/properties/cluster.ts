/** What is in the cluster, or excluded, does not go to the tenant's gateway; and the reply path of calls from outside. */
import { parsePrefix } from "../../net/address";
import type { Family } from "../../net/family";
import { call, target } from "../../lab/kit/calls";
import { CLIENT, NODE, OTHER_POD } from "../addresses";
import { NODE_PORT, PORT } from "../topology";
import { ask, forEachFamily, pick, type Fixture, type Tested } from "../fixture";
import { countAt, gatewaysOf } from "./own-gateway";

/** Of `excludeDestinations`, for each family. */
const MOST_EXCLUDED = 3;
/** Nobody has to answer: what counts is where the packet does not come out. */
const EXCLUDED_MS = 500;

interface Goal {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** Who answers. */
  readonly by: string;
}

/** Pod to pod, to the node, to another node's pod, to what is excluded. */
export async function checkCluster(fixture: Fixture, working: readonly Tested[]): Promise<void> {
  await forEachFamily(working, async (one, family) => {
    const wrong: string[] = [];
    for (const goal of goalsOf(fixture, family)) {
      const { by, error } = await ask(fixture, one.attached.pod, goal.address, goal.port);
      if (by !== goal.by) wrong.push(`${goal.name} (${by === "" ? error : `answered by ${by}`})`);
    }
    const taken = await takenByGateway(fixture, one, family);
    const about = { tenant: one.name, family };
    if (wrong.length > 0)
      fixture.results.fail(
        "cluster",
        about,
        `its pods do not reach ${wrong.join(", ")}`,
        "let what the main table knows come before the tenants: leave routes.localPriority before routes.tenantPriority; a delegate that goes past the node (macvlan, ipvlan) cannot be used for tenants",
      );
    if (taken.length > 0)
      fixture.results.fail(
        "cluster",
        about,
        `excluded, and yet at its gateway: ${taken.join(", ")}`,
        "leave routes.excludePriority before routes.tenantPriority, and no foreign rule before both",
      );
    if (wrong.length + taken.length === 0) fixture.results.ok("cluster", about);
  });
}

function goalsOf({ plain }: Fixture, family: Family): readonly Goal[] {
  const pod = plain.addresses[family];
  return [
    ...(pod === undefined
      ? []
      : [{ name: "another pod of the node", address: pod, port: PORT, by: plain.pod.name }]),
    { name: "the node", address: pick(NODE, family), port: NODE_PORT, by: "node" },
    {
      name: "a pod of another node",
      address: pick(OTHER_POD, family),
      port: PORT,
      by: "other-node",
    },
  ];
}

/** Excluded destinations of which a packet arrived at the tenant's gateway. */
async function takenByGateway(
  fixture: Fixture,
  one: Tested,
  family: Family,
): Promise<readonly string[]> {
  const addresses = fixture.conf.routes.excludeDestinations
    .filter((text) => parsePrefix(text)?.family === family)
    .slice(0, MOST_EXCLUDED)
    .map(addressIn);
  const machines = gatewaysOf(fixture, one, family).map(({ machine }) => machine);
  const taken = await Promise.all(
    addresses.map(async (address) => {
      const count = await countAt(machines, address);
      await call(fixture.setup, one.attached.pod, target(address, PORT), {
        quiet: true,
        timeoutMs: EXCLUDED_MS,
      });
      return (await count()) > 0 ? [address] : [];
    }),
  );
  return taken.flat();
}

// One that is nobody's: the first of a network is most often a router of it.
function addressIn(text: string): string {
  const [address = "", length] = text.split("/");
  if (length === undefined || length === (address.includes(":") ? "128" : "32")) return address;
  return address.includes(":")
    ? `${address.replace(/::$/, "")}::5e1f`.replace(":::", "::")
    : address.replace(/\d+$/, (last) => String(Number(last) + 3));
}

/** A client beyond the default gateway calls the tenant's pod, by its address and by the port that portmap publishes. */
export async function checkReplyPath(fixture: Fixture, working: readonly Tested[]): Promise<void> {
  const { conf, results, portmap } = fixture;
  if (conf.markReplies) {
    const reason = `markReplies is true: replies to calls from outside leave by the tenant's gateway${portmap ? ", although portmap publishes ports to clients outside" : ", so clients of a NodePort or LoadBalancer get no answer"}`;
    return portmap
      ? results.fail("reply", {}, reason, 'remove "markReplies", or portmap')
      : results.skip("reply", {}, reason, 'remove "markReplies", if there are such clients');
  }
  await forEachFamily(working, async (one, family) => {
    const goals = [
      { name: "its pod", address: one.attached.addresses[family] ?? "", port: PORT },
      ...(portmap
        ? [
            {
              name: `the node's port ${one.hostPort}, which portmap leads to its pod`,
              address: pick(NODE, family),
              port: one.hostPort,
            },
          ]
        : []),
    ];
    for (const goal of goals) await checkReply(fixture, one, { ...goal, family });
  });
}

async function checkReply(
  { results, topology, setup }: Fixture,
  one: Tested,
  { name, address, port, family }: Omit<Goal, "by"> & { readonly family: Family },
): Promise<void> {
  const { by, error } = await call(setup, topology.byDefault, target(address, port), {
    quiet: true,
    source: pick(CLIENT, family),
  });
  const about = { tenant: one.name, family };
  if (by === one.attached.pod.name) results.ok("reply", about);
  else
    results.fail(
      "reply",
      about,
      `a client beyond the default gateway gets no answer from ${name}: ${by === "" ? error : `answered by ${by}`}`,
      "see that conntrack works on this node and that no other rule marks replies",
    );
}
