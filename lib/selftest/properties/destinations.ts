/** Packets to a network with gateways of its own come to these, and when they are lost where the conflist says. */
import { whoseText } from "../../routes/plan/ways";
import { ask, type Fixture, type Tested } from "../fixture";
import { type Destination, destinationsIn } from "../destinations";
import { connect, plugOf, type Gateway } from "../topology";
import { applyRoutes } from "./node-routes";
import { countAt, gatewaysOf } from "./own-gateway";

const REMEDY =
  "see that the network is none that the main table knows better (a pod network, one of the node's own): wrapper routes show, and ip route get on the node";

/** All networks of all tenants: with their gateways, and without. Says nothing where there are none. */
export async function checkDestinations(
  fixture: Fixture,
  working: readonly Tested[],
): Promise<void> {
  const all = working.flatMap((one) =>
    (one.tenant === undefined ? [] : destinationsIn(one.tenant))
      .filter(({ family }) => one.families.includes(family))
      .map((destination) => ({ one, destination })),
  );
  for (const { one, destination } of all)
    if (await arrives(fixture, one, destination)) await lose(fixture, one, destination);
}

/** The gateways of that way alone. */
function gatewaysFor(
  { topology }: Fixture,
  { name }: Tested,
  { way, family }: Destination,
): readonly Gateway[] {
  const owner = whoseText({ tenant: name, to: way.to });
  return topology.gateways.filter(
    ({ plan }) =>
      plan.tenants.includes(owner) &&
      (plan.vias.length === 0 || plan.vias.some((via) => via.includes(":") === (family === 6))),
  );
}

function othersThan({ topology }: Fixture, own: readonly Gateway[]): readonly Gateway["machine"][] {
  return [topology.byDefault, ...topology.gateways.map(({ machine }) => machine)].filter(
    (machine) => !own.some((gateway) => gateway.machine === machine),
  );
}

async function arrives(fixture: Fixture, one: Tested, destination: Destination): Promise<boolean> {
  const { address, family, way } = destination;
  const own = gatewaysFor(fixture, one, destination);
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

/** The interfaces of its gateways go down, where the tenant's own gateways are not behind one of them. */
async function lose(fixture: Fixture, one: Tested, destination: Destination): Promise<void> {
  const { topology, results } = fixture;
  const { address, family, way } = destination;
  const mine = gatewaysFor(fixture, one, destination);
  const tenants = gatewaysOf(fixture, one, family);
  const lost = topology.segments
    .map((segment, index) => ({ segment, plug: plugOf(segment, index) }))
    .filter(({ segment }) =>
      segment.routers.some((plan) => mine.some((each) => each.plan === plan)),
    );
  const isShared = lost.some(({ segment }) =>
    segment.routers.some((plan) => tenants.some((each) => each.plan === plan)),
  );
  if (isShared)
    return results.note(
      `the loss of the gateways to ${way.to ?? ""} of tenant ${one.name} is not tested: its own gateways are behind the same interface`,
    );
  const allowed = way.onGatewayLoss === "fallback" ? tenants : [];
  const stray = await countAt(othersThan(fixture, allowed), address);
  for (const { plug } of lost) await topology.node.ip(`link set ${plug} down`);
  const { by } = await ask(fixture, one.attached.pod, address);
  const strayed = await stray();
  for (const { plug } of lost) await topology.node.ip(`link set ${plug} up`);
  await connect(topology.node, topology.segments);
  await applyRoutes(fixture);
  report(fixture, { one, destination, by, strayed, allowed });
}

interface Outcome {
  readonly one: Tested;
  readonly destination: Destination;
  readonly by: string;
  readonly strayed: number;
  /** Who may answer; nobody where it stops. */
  readonly allowed: readonly Gateway[];
}

function report(
  { results }: Fixture,
  { one, destination: { family, way }, by, strayed, allowed }: Outcome,
): void {
  const isRight =
    allowed.length === 0 ? by === "" : allowed.some(({ machine }) => machine.name === by);
  if (isRight && strayed === 0) return;
  results.fail(
    "networks",
    { tenant: one.name, family },
    `with the gateways to ${way.to ?? ""} lost, packets there ${by === "" ? "get no answer" : `are answered by ${by}`}, ${strayed} counted elsewhere; onGatewayLoss is ${way.onGatewayLoss}`,
    "run wrapper routes apply, which puts a stop behind these gateways; see wrapper routes show on the node",
  );
}
