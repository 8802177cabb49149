/**
 * A network's gateways behind an interface of the tenant's own: an interface that goes down takes them all, so these
 * fall silent alone. The kernel does not see that, but `wrapper routes watch` does.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalAddress } from "../../net/address";
import { isObject, type Json, type JsonObject, own, parseJson } from "../../cni/json";
import { addAddresses } from "../../lab/kit/links";
import type { Background } from "../../lab/kit/machines";
import type { ConfList } from "../copy";
import type { Fixture } from "../fixture";
import { type Gateway, lanAddresses } from "../topology";
import { gatewaysFor, type Goal, loseAndAsk } from "./lost-network";
import { applyRoutes } from "./node-routes";
import { gatewaysOf, viasOf } from "./own-gateway";

/** For the watcher to see what has happened (ms): much more than it needs. */
const SEEN_MS = 60_000;
/** Nobody asks for it. With its last address an interface loses all its IPv4 routes. */
const KEEPER = "198.18.255.1/32";

/** `list` is for the watcher. One without an address is not there without its interface, and so is left out. */
export async function checkSilent(
  fixture: Fixture,
  goals: readonly Goal[],
  list: ConfList,
): Promise<void> {
  const { setup, topology } = fixture;
  const silent = goals.filter((goal) => silenceOf(fixture, goal) !== undefined);
  if (silent.length === 0) return;
  const conflist = setup.write("watched.conflist", list);
  const watcher = await topology.node.background([
    ...[setup.binary, "routes", "watch", "--conf", conflist, "--sysctl"],
  ]);
  for (const goal of silent) await fallSilent(fixture, goal, watcher);
  watcher.stop();
  await setup.shell.until(
    async () => !(await applyRoutes(fixture)).output.includes("wrapper routes watch is at work"),
    SEEN_MS,
  );
}

/** A gateway and those of its addresses that go. */
interface Silence {
  readonly gateway: Gateway;
  readonly vias: readonly string[];
}

/** undefined: one of them has no address. */
function silenceOf(fixture: Fixture, goal: Goal): readonly Silence[] | undefined {
  const all = gatewaysFor(fixture, goal).map((gateway) => ({
    gateway,
    vias: viasOf(gateway.plan, goal.destination.family),
  }));
  return all.some(({ vias }) => vias.length === 0) ? undefined : all;
}

async function fallSilent(fixture: Fixture, goal: Goal, watcher: Background): Promise<void> {
  const all = silenceOf(fixture, goal) ?? [];
  const vias = all.flatMap((each) => each.vias);
  const { family } = goal.destination;
  await loseAndAsk(fixture, goal, {
    how: "do not answer",
    left: gatewaysOf(fixture, goal.one, family).filter(
      (each) => !all.some(({ gateway }) => gateway === each),
    ),
    cause: async () => {
      if (!(await areSeen(fixture, vias, "up", watcher))) return false;
      for (const { gateway, vias: gone } of all) {
        await gateway.machine.ip(`addr replace ${KEEPER} dev lan`);
        for (const address of lanAddresses(gone))
          await gateway.machine.ip(`addr del ${address} dev lan`);
      }
      return areSeen(fixture, vias, "down", watcher);
    },
    undo: async () => {
      for (const each of all)
        await addAddresses(each.gateway.machine, "lan", lanAddresses(each.vias));
      return areSeen(fixture, vias, "up", watcher);
    },
  });
}

/** False as soon as the watcher has ended. */
async function areSeen(
  { setup }: Pick<Fixture, "setup">,
  vias: readonly string[],
  state: "up" | "down",
  { pid }: Background,
): Promise<boolean> {
  const all = vias.map(canonicalAddress);
  const path = join(setup.dir, "status.json");
  const are = (): boolean => {
    const found = gatewaysIn(path).filter((gateway) => all.includes(String(own(gateway, "via"))));
    return found.length > 0 && found.every((gateway) => own(gateway, "state") === state);
  };
  await setup.shell.until(() => are() || !existsSync(`/proc/${pid}`), SEEN_MS);
  return are();
}

/** All that are in the watcher's status file, of every tenant and way. */
function gatewaysIn(path: string): readonly JsonObject[] {
  const status = existsSync(path) ? parseJson(readFileSync(path), path) : {};
  return objectsAt(status, "tenants").flatMap((tenant) => [
    ...objectsAt(tenant, "gateways"),
    ...objectsAt(tenant, "routes").flatMap((way) => objectsAt(way, "gateways")),
  ]);
}

function objectsAt(value: Json, key: string): readonly JsonObject[] {
  const list = isObject(value) ? own(value, key) : undefined;
  return Array.isArray(list) ? (list as readonly Json[]).filter(isObject) : [];
}
