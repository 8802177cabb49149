/** Packets to a network with gateways of its own come to these, and with their interfaces down where the conflist says. */
import { ask, type Fixture, type Tested } from "../fixture";
import { destinationsIn } from "../destinations";
import { connect, type Gateway, plugOf } from "../topology";
import { gatewaysFor, type Goal, loseAndAsk, othersThan } from "./lost-network";
import { applyRoutes } from "./node-routes";
import { countAt, gatewaysOf } from "./own-gateway";

const REMEDY =
  "see that the network is none that the main table knows better (a pod network, one of the node's own): wrapper routes show, and ip route get on the node";

/**
 * All networks of all tenants: with their gateways, and with the interfaces to these down. Says nothing where there
 * are none. Returns those of which the tenant's own gateways were lost with them.
 */
export async function checkDestinations(
  fixture: Fixture,
  working: readonly Tested[],
): Promise<readonly Goal[]> {
  const all = working.flatMap((one) =>
    (one.tenant === undefined ? [] : destinationsIn(one.tenant))
      .filter(({ family }) => one.families.includes(family))
      .map((destination): Goal => ({ one, destination })),
  );
  const shared: Goal[] = [];
  for (const goal of all)
    if ((await arrives(fixture, goal)) && (await loseDevices(fixture, goal))) shared.push(goal);
  return shared;
}

async function arrives(fixture: Fixture, goal: Goal): Promise<boolean> {
  const { one, destination } = goal;
  const { address, family, way } = destination;
  const own = gatewaysFor(fixture, goal);
  const stray = await countAt(othersThan(fixture, own), address);
  const { by, error } = await ask(fixture, one.attached.pod, address);
  const strayed = await stray();
  const about = { tenant: one.name, family };
  if (own.some(({ machine }) => machine.name === by) && strayed === 0) {
    fixture.results.ok("networks", about);
    return true;
  }
  fixture.results.fail(
    "networks",
    about,
    `packets to ${address} (${way.to ?? ""}) do not come to its gateways: ${by === "" ? error : `${by} answers`}, ${strayed} counted elsewhere`,
    REMEDY,
  );
  return false;
}

/** Returns whether the tenant's own gateways went with them. */
async function loseDevices(fixture: Fixture, goal: Goal): Promise<boolean> {
  const { topology } = fixture;
  const { node, segments } = topology;
  const isBehind = (gateways: readonly Gateway[]) => (at: (typeof segments)[number]) =>
    at.routers.some((plan) => gateways.some((each) => each.plan === plan));
  const lost = segments.filter(isBehind(gatewaysFor(fixture, goal)));
  const plugs = lost.map((segment) => plugOf(segment, segments.indexOf(segment)));
  const tenants = gatewaysOf(fixture, goal.one, goal.destination.family);
  const left = tenants.filter((gateway) => !lost.some(isBehind([gateway])));
  await loseAndAsk(fixture, goal, {
    how: "are behind interfaces that are down",
    left,
    cause: async () => {
      for (const plug of plugs) await node.ip(`link set ${plug} down`);
      return true;
    },
    undo: async () => {
      for (const plug of plugs) await node.ip(`link set ${plug} up`);
      await connect(node, segments);
      await applyRoutes(fixture);
      return true;
    },
  });
  return left.length < tenants.length;
}
