/** Without its gateways a network's packets stop, or take the tenant's own (`fallback`), never another way. */
import { whoseText } from "../../routes/plan/ways";
import type { Destination } from "../destinations";
import { ask, type Fixture, type Tested } from "../fixture";
import type { Gateway } from "../topology";
import { countAt, viasOf } from "./own-gateway";

/** Somebody in a network of a tenant. */
export interface Goal {
  readonly one: Tested;
  readonly destination: Destination;
}

/** A way to lose gateways. */
export interface Loss {
  /** What happened, for people: `the gateways to NETWORKS are ...`. */
  readonly how: string;
  /** The tenant's own gateways that are left. */
  readonly left: readonly Gateway[];
  /** False: it could not be done. */
  cause(): Promise<boolean>;
  /** False: it could not be undone. */
  undo(): Promise<boolean>;
}

/** The gateways of that way alone. */
export function gatewaysFor(
  { topology }: Fixture,
  { one: { name }, destination: { way, family } }: Goal,
): readonly Gateway[] {
  const owner = whoseText({ tenant: name, to: way.to });
  return topology.gateways.filter(
    ({ plan }) =>
      plan.tenants.includes(owner) && (plan.vias.length === 0 || viasOf(plan, family).length > 0),
  );
}

/** Everybody who is not among these. */
export function othersThan(
  { topology }: Fixture,
  own: readonly Gateway[],
): readonly Gateway["machine"][] {
  return [topology.byDefault, ...topology.gateways.map(({ machine }) => machine)].filter(
    (machine) => !own.some((gateway) => gateway.machine === machine),
  );
}

/** Says something only where it does not hold. */
export async function loseAndAsk(fixture: Fixture, goal: Goal, loss: Loss): Promise<void> {
  const { one, destination } = goal;
  const { address, family, way } = destination;
  const fail = (reason: string, remedy: string): void =>
    fixture.results.fail("networks", { tenant: one.name, family }, reason, remedy);
  const lost = `the gateways to ${way.to ?? ""} ${loss.how}`;
  const allowed = way.onGatewayLoss === "fallback" ? loss.left : [];
  const stray = await countAt(othersThan(fixture, allowed), address);
  if (!(await loss.cause())) return fail(`it was not seen that ${lost}`, SEE_WATCH);
  const { by } = await ask(fixture, one.attached.pod, address);
  const strayed = await stray();
  const isBack = await loss.undo();
  const isRight =
    allowed.length === 0 ? by === "" : allowed.some(({ machine }) => machine.name === by);
  if (!isRight || strayed > 0)
    fail(
      `${lost}, and packets there ${by === "" ? "get no answer" : `are answered by ${by}`}, ${strayed} counted elsewhere; onGatewayLoss is ${way.onGatewayLoss}`,
      "run wrapper routes apply, which puts a stop behind these gateways; see wrapper routes show on the node",
    );
  if (!isBack) fail(`it was not seen that ${lost} no more`, SEE_WATCH);
}

const SEE_WATCH = "see what wrapper routes watch says on the node";
