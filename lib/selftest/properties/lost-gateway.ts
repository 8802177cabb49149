/** A tenant whose gateway is lost stops: its packets are refused or dropped, and come out nowhere else. */
import type { Family } from "../../net/family";
import { call, target, type Call } from "../../lab/kit/calls";
import { SERVER } from "../addresses";
import { connect, plugOf, PORT } from "../topology";
import { ask, forEachFamily, pick, type Fixture, type Tested } from "../fixture";
import { gatewaysOf, strays } from "./own-gateway";
import { applyRoutes, isRefused, failureOf } from "./node-routes";

/** Silence is what is expected here; what leaks is counted where it arrives, and needs no answer. */
const SILENCE_MS = 600;
const BACK_MS = 5000;

interface Loss {
  /** What happened, for people. */
  readonly what: string;
  readonly remedy: string;
  cause(): Promise<void>;
}

/** Both losses, for all tenants at once, with the node routes repaired after each. */
export async function checkLostGateway(
  fixture: Fixture,
  working: readonly Tested[],
): Promise<void> {
  const { results, topology } = fixture;
  if (working.every(({ families }) => families.length === 0))
    return results.skip("loss", {}, "no tenant's packets reach a gateway");
  const plugs = topology.segments
    .map((segment, index) => ({ ...segment, plug: plugOf(segment, index) }))
    .filter(({ routers }) => routers.some(({ tenants }) => tenants.length > 0));
  await lose(fixture, working, {
    what: "with the interface to its gateway down",
    remedy:
      "run wrapper routes apply, which puts a stop behind the gateways of each table; see that no rule leads the mark on to another table",
    cause: async () => {
      for (const { plug } of plugs) await topology.node.ip(`link set ${plug} down`);
    },
  });
  for (const { plug } of plugs) await topology.node.ip(`link set ${plug} up`);
  await connect(topology.node, topology.segments);
  await repair(fixture, working);
  const tables = working.flatMap(({ tenant }) =>
    tenant?.table === undefined ? [] : [tenant.table],
  );
  await lose(fixture, working, {
    what: "with its table flushed",
    remedy: "let wrapper routes apply make the table, whose stop ip route flush leaves alone",
    cause: async () => {
      const flushes = tables.flatMap((table) => [
        `ip -4 route flush table ${table}`,
        `ip -6 route flush table ${table}`,
      ]);
      await topology.node.run(["sh", "-c", flushes.join("; ")]);
    },
  });
  await repair(fixture, working);
}

async function lose(fixture: Fixture, working: readonly Tested[], loss: Loss): Promise<void> {
  const counts = new Map(
    await Promise.all(
      working.flatMap((one) =>
        one.families.map(
          async (family) => [`${one.name} ${family}`, await strays(fixture, one, family)] as const,
        ),
      ),
    ),
  );
  await loss.cause();
  await forEachFamily(working, async (one, family) => {
    const count = counts.get(`${one.name} ${family}`) ?? (() => Promise.resolve(0));
    const before = await count();
    const answer = await call(fixture.setup, one.attached.pod, target(pick(SERVER, family), PORT), {
      quiet: true,
      timeoutMs: SILENCE_MS,
    });
    report(fixture, { one, family, loss, answer, strayed: (await count()) - before });
  });
}

interface Outcome {
  readonly one: Tested;
  readonly family: Family;
  readonly loss: Loss;
  readonly answer: Call;
  readonly strayed: number;
}

function report(
  { results }: Fixture,
  { one, family, loss: { what, remedy }, answer, strayed }: Outcome,
): void {
  const about = { tenant: one.name, family };
  if (one.tenant?.onGatewayLoss === "fallback")
    results.skip(
      "loss",
      about,
      fallbackText(what, answer, strayed),
      'remove "onGatewayLoss", if it shall stop instead',
    );
  else if (answer.by === "" && strayed === 0) results.ok("loss", about);
  else
    results.fail(
      "loss",
      about,
      `${what} its packets leave elsewhere (${strayed} counted${answer.by === "" ? "" : `, answered by ${answer.by}`})`,
      remedy,
    );
}

function fallbackText(what: string, { by }: Call, strayed: number): string {
  return `onGatewayLoss is fallback: ${what} its packets ${by !== "" || strayed > 0 ? "leave by the node's default route, without its gateway" : "stop all the same"}`;
}

/** The gateway is back, and so must be the tenant. */
async function repair(fixture: Fixture, working: readonly Tested[]): Promise<void> {
  const applied = await applyRoutes(fixture);
  if (isRefused(applied)) {
    fixture.results.fail(
      "routes",
      {},
      `with pods on the node wrapper routes apply refuses: ${failureOf(applied)}`,
      "change the conflist as it says",
    );
    await applyRoutes(fixture, "--force");
  } else if (applied.status !== 0) {
    fixture.results.fail(
      "loss",
      {},
      `wrapper routes apply does not repair the routes: ${failureOf(applied)}`,
      "correct what it names",
    );
  }
  await forEachFamily(working, (one, family) => repairOne(fixture, one, family));
}

async function repairOne(fixture: Fixture, one: Tested, family: Family): Promise<void> {
  const own = gatewaysOf(fixture, one, family).map(({ machine }) => machine.name);
  const back = await fixture.setup.shell.until(
    async () => own.includes((await ask(fixture, one.attached.pod, pick(SERVER, family))).by),
    BACK_MS,
  );
  if (!back)
    fixture.results.fail(
      "loss",
      { tenant: one.name, family },
      "with the gateway back and wrapper routes apply run, its packets still do not reach it",
      "see wrapper routes show on the node",
    );
}
