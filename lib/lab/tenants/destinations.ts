/** The lab `tenants` when tenant A reaches a network by gateways of its own: those of gateway B. */
import { call, target, type Call } from "../kit/calls";
import { FAMILIES, type Pair } from "../kit/families";
import { countPackets } from "../kit/packets";
import { applyRoutes, type Fixture } from "./fixture";
import { hopsOf, NETWORK, SERVER, type Way, writeConflist } from "./topology";

/** Discard (RFC 863): nobody answers, and counters say which way each packet took. */
const FLOOD_PORT = 9;

/** Writes tenant A's `routes` and applies them. */
async function configure(fixture: Fixture, routes: readonly object[]): Promise<boolean> {
  const { setup, topology } = fixture;
  writeConflist(setup, topology, { routes });
  return applyRoutes(setup, topology.node, fixture.conflist);
}

async function callBoth({ setup, web }: Fixture): Promise<readonly [Call, Call]> {
  return [
    await call(setup, web.machine, target(SERVER[0], 80)),
    await call(setup, web.machine, target(SERVER[1], 80)),
  ];
}

/** States for each family that web-0 leaves by that gateway. */
async function leavesBy(fixture: Fixture, { outside }: Way, words: string): Promise<void> {
  const calls = await callBoth(fixture);
  for (const { name, at } of FAMILIES)
    fixture.setup.transcript.statement(`${name}: ${words}`, calls[at].from === outside[at]);
}

/** Packets of web-0's flood that have come to a gateway. */
async function floodAt({ web }: Fixture, { machine }: Way): Promise<() => Promise<number>> {
  const [v4, v6]: Pair = web.addresses;
  const counters = [
    await countPackets(machine, `iifname "lan" ip saddr ${v4} udp dport ${FLOOD_PORT}`),
    await countPackets(machine, `iifname "lan" ip6 saddr ${v6} udp dport ${FLOOD_PORT}`),
  ];
  return async () =>
    (await Promise.all(counters.map((counter) => counter.read()))).reduce((a, b) => a + b, 0);
}

/** A network by gateway B, its longest prefix, its loss in both ways; a flood runs meanwhile. */
export async function showDestinations(fixture: Fixture): Promise<void> {
  const { setup, topology, web } = fixture;
  const { a, b, byDefault, node } = topology;
  const { transcript } = setup;
  await transcript.heading(
    `Tenant A reaches ${NETWORK[0]} and ${NETWORK[1]} by gateways of its own: gateway B`,
  );
  const [atA, atDefault] = [await floodAt(fixture, a), await floodAt(fixture, byDefault)];
  const flood = await web.machine.background([
    ...[setup.binary, "lab", "probe", "flood", String(FLOOD_PORT)],
    ...SERVER,
  ]);
  const entry = (change: object = {}): object => ({
    ...{ to: NETWORK, gateways: hopsOf(b, "eth2") },
    ...change,
  });
  transcript.statement("wrapper routes apply succeeds", await configure(fixture, [entry()]));
  await node.show(["ip", "route", "show", "table", "100"]);
  await leavesBy(fixture, b, "web-0 reaches the server by gateway B");
  await configure(fixture, [entry(), entry({ to: SERVER, gateways: hopsOf(a, "eth1") })]);
  await leavesBy(fixture, a, "the longest prefix wins: the server alone by gateway A");
  await configure(fixture, [entry()]);
  const before = await atA();
  await node.show(["ip", "link", "set", "eth2", "down"]);
  const calls = await callBoth(fixture);
  // The kernel says "unreachable" to a sender about once a second, and the flood gets most of that.
  for (const { name, at } of FAMILIES)
    transcript.statement(
      `${name}: gateway B is lost, and nobody answers web-0`,
      !calls[at].ok && calls[at].by === "",
    );
  const strayed = (await atA()) - before;
  transcript.statement(
    `none of it came by tenant A's gateway (${strayed} packets counted there)`,
    strayed === 0,
  );
  await configure(fixture, [entry({ onGatewayLoss: "fallback" })]);
  await leavesBy(fixture, a, "with onGatewayLoss fallback web-0 leaves by tenant A's gateway");
  await node.show(["ip", "link", "set", "eth2", "up"]);
  await applyRoutes(setup, node, fixture.conflist);
  await leavesBy(fixture, b, "gateway back: by gateway B again");
  transcript.statement("the entry is taken out again", await configure(fixture, []));
  await leavesBy(fixture, a, "web-0 leaves by gateway A, as before");
  flood.stop();
  const leaked = await atDefault();
  transcript.statement(
    `through all of this not one packet of a flood took the node's default route (${leaked} counted there)`,
    leaked === 0 && (await atA()) > 0,
  );
}
