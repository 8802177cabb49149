/** The lab `gateway-pod` with two gateway pods, watched: one dies, the other carries on; both die, the tenant stops. */
import { existsSync, readFileSync } from "node:fs";
import { isObject, own, parseJson, type Json, type JsonObject } from "../../cni/json";
import { call, target } from "../kit/calls";
import { FAMILIES } from "../kit/families";
import type { Setup } from "../kit/lab";
import { countPackets } from "../kit/packets";
import { statusFile, writeNode1, type Choice } from "./conflists";
import { configure, type Fixture } from "./fixture";
import {
  endGateway,
  renewInterface,
  routeGateway,
  SERVER,
  SERVERS,
  VXLAN_MTU,
  type Gateway,
} from "./topology";

const TWO: Choice = { gateways: [0, 1], snat: "none", mtu: VXLAN_MTU, check: true, ends: "group" };
/** How long the watcher may take to see what happened (ms): much more than probes and hold-down need. */
const SEEN_MS = 30_000;

/** `near` and `far` are gw-0 and gw-1. */
export async function showFailover(
  fixture: Fixture,
  [near, far]: readonly [Gateway, Gateway],
): Promise<void> {
  const {
    setup,
    topology: { node1 },
  } = fixture;
  const { transcript, shell } = setup;
  await transcript.heading("Two gateway pods, and wrapper routes watch");
  transcript.say(
    `gw-0 is still from before the VXLAN: its second interface is made anew, with an MTU of ${VXLAN_MTU}.`,
  );
  transcript.statement("gw-0 is attached again", await renewInterface(near));
  transcript.statement("wrapper routes apply succeeds", await configure(fixture, TWO));
  await node1.show(["ip", "route", "show", "table", "100"]);
  transcript.command("node1", "wrapper routes watch --conf node1.conflist --sysctl &");
  await node1.background([
    setup.binary,
    "routes",
    "watch",
    "--conf",
    writeNode1(setup, TWO),
    "--sysctl",
  ]);
  const ready = await shell.until(() => tenantState(fixture.setup) === "ok", SEEN_MS);
  if (!transcript.statement("the watcher finds both gateways working", ready)) return;
  const { from } = await call(setup, fixture.client, target(SERVER[0], 80));
  const [used, other] = from === near.outside[0] ? [near, far] : [far, near];
  transcript.statement("the client leaves by one of the two", from === used.outside[0]);
  const strays = await Promise.all(
    FAMILIES.map(({ at, ip }) =>
      countPackets(fixture.topology.internet, `iifname "br0" ${ip} daddr ${SERVERS[at]}`),
    ),
  );
  await showTunnelLost(fixture, used, other);
  await showPodLost(fixture, other);
  const leaked = await Promise.all(strays.map((counter) => counter.read()));
  transcript.statement(
    `in all this time no packet to the server, and none of the watcher's checks, left by the nodes' default route (${leaked.join(" and ")} counted)`,
    leaked.every((count) => count === 0),
  );
  await showBack(fixture, used);
}

/** The pod lives, and its neighbours see it; only what is behind it has gone. */
async function showTunnelLost(fixture: Fixture, used: Gateway, other: Gateway): Promise<void> {
  const {
    setup: { transcript, shell },
  } = fixture;
  await transcript.heading(
    `The tunnel of ${used.machine.name} dies while the pod lives: ${other.machine.name} carries on`,
  );
  await used.machine.show(["ip", "link", "set", "tun0", "down"]);
  const seen = await shell.until(
    () => used.inside.every((via) => gatewayState(fixture.setup, via) === "down"),
    SEEN_MS,
  );
  transcript.statement(
    `the watcher's checks find ${used.machine.name} out, in both families`,
    seen && tenantState(fixture.setup) === "degraded",
  );
  await showTable(fixture);
  await checkLeavesBy(
    fixture,
    other,
    `the client leaves by ${other.machine.name}; its pod was not touched`,
  );
}

async function showPodLost(fixture: Fixture, last: Gateway): Promise<void> {
  const { setup, client } = fixture;
  const { transcript, shell } = setup;
  await transcript.heading(
    `The pod ${last.machine.name} ends too: with no gateway left the tenant stops`,
  );
  transcript.statement(`${last.machine.name} is gone`, await endGateway(last));
  const stopped = await shell.until(() => tenantState(fixture.setup) === "stopped", SEEN_MS);
  transcript.statement("the watcher says that the tenant is stopped", stopped);
  await showTable(fixture);
  for (const { name, at } of FAMILIES) {
    const { refusedAtOnce } = await call(setup, client, target(SERVER[at], 80));
    transcript.statement(`${name}: the client is told "unreachable" at once`, refusedAtOnce);
  }
}

/** Not before it has worked for a while: a gateway that flaps does not take the tenant with it. */
async function showBack(fixture: Fixture, back: Gateway): Promise<void> {
  const {
    setup: { transcript, shell },
  } = fixture;
  await transcript.heading(
    `The tunnel of ${back.machine.name} is back: it is used again after its hold-down`,
  );
  await back.machine.ip("link set tun0 up");
  await routeGateway(back.machine);
  const states = new Set<string>();
  const seen = await shell.until(() => {
    back.inside.forEach((via) => states.add(gatewayState(fixture.setup, via)));
    return back.inside.every((via) => gatewayState(fixture.setup, via) === "up");
  }, SEEN_MS);
  transcript.statement(
    "it answers, is held down for a while, and then used",
    seen && states.has("hold-down"),
  );
  await showTable(fixture);
  await checkLeavesBy(fixture, back, `the client leaves by ${back.machine.name}`);
}

async function checkLeavesBy(
  { setup, client }: Fixture,
  { outside }: Gateway,
  words: string,
): Promise<void> {
  for (const { name, at } of FAMILIES) {
    const { from } = await call(setup, client, target(SERVER[at], 80));
    setup.transcript.statement(`${name}: ${words}`, from === outside[at]);
  }
}

async function showTable({ topology: { node1 } }: Fixture): Promise<void> {
  await node1.show(["sh", "-c", "ip route show table 100; ip -6 route show table 100"], {
    as: "ip route show table 100; ip -6 route show table 100",
  });
}

/** `ok`, `degraded`, `stopped`; "" as long as the watcher has not said anything. */
function tenantState(setup: Setup): string {
  return String(own(tenantStatus(setup), "state") ?? "");
}

/** `up`, `down`, `hold-down` and the like; "" when it is not known. */
function gatewayState(setup: Setup, via: string): string {
  const gateway = objects(own(tenantStatus(setup), "gateways")).find(
    (each) => own(each, "via") === via,
  );
  return String(own(gateway ?? {}, "state") ?? "");
}

function tenantStatus(setup: Setup): JsonObject {
  const path = statusFile(setup);
  const status = existsSync(path) ? parseJson(readFileSync(path), path) : undefined;
  return (isObject(status) ? objects(own(status, "tenants"))[0] : undefined) ?? {};
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isObject) : [];
}
