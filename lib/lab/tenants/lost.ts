/** The lab `tenants` when gateway A is lost, in each way that this can happen: stop, never leak. */
import { call, target, type Call } from "../kit/calls";
import { countPackets } from "../kit/packets";
import { applyRoutes, type Fixture } from "./fixture";
import { CLIENT, NODE_PORT, SERVER } from "./topology";

/** How long a neighbour that does not answer may stay in use (ms): reachable, delay and probe times of topology.ts, and some. */
const NEIGHBOUR_MS = 20_000;
/** How long a tenant may take until it works again (ms). */
const BACK_MS = 5000;
/** A gateway that takes no packet any more, not even the question for its hardware address. */
export const DEAF =
  "table netdev hang { chain in { type filter hook ingress device lan priority 0; policy drop; }; }";

/** Counts what web-0 sends to the server by gateways that are not its own. */
async function strayCounter({
  topology: { byDefault, b },
  web,
}: Fixture): Promise<() => Promise<number>> {
  const matches = [
    `ip saddr ${web.addresses[0]} ip daddr ${SERVER[0]}`,
    `ip6 saddr ${web.addresses[1]} ip6 daddr ${SERVER[1]}`,
  ];
  const counters = await Promise.all(
    [byDefault, b].flatMap(({ machine }) => matches.map((match) => countPackets(machine, match))),
  );
  return async () =>
    (await Promise.all(counters.map((counter) => counter.read()))).reduce(
      (sum, count) => sum + count,
      0,
    );
}

async function callBoth({ setup, web }: Fixture): Promise<readonly [Call, Call]> {
  return [
    await call(setup, web.machine, target(SERVER[0], 80)),
    await call(setup, web.machine, target(SERVER[1], 80)),
  ];
}

async function checkOthersWork({
  setup,
  topology: { b, client, byDefault },
  api0,
}: Fixture): Promise<void> {
  const { from } = await call(setup, api0.machine, target(SERVER[0], 80));
  setup.transcript.statement("tenant B notices nothing", from === b.outside[0]);
  const inbound = await call(setup, client, target(byDefault.outside[0], NODE_PORT));
  setup.transcript.statement(
    "clients outside still get web-0's answers by the default gateway",
    inbound.by === "web-0" && inbound.from === CLIENT[0],
  );
}

/** Waits a moment first: the node asks a gateway that it had given up once a second. */
async function checkBack(fixture: Fixture, text: string): Promise<void> {
  const {
    setup,
    web,
    topology: { a },
  } = fixture;
  const answers = async (address: string): Promise<boolean> =>
    (await call(setup, web.machine, target(address, 80), { quiet: true })).ok;
  for (const address of SERVER) await setup.shell.until(() => answers(address), BACK_MS);
  const calls = await callBoth(fixture);
  setup.transcript.statement(
    text,
    calls.every(({ from }, at) => from === a.outside[at]),
  );
}

/** The device towards gateway A is taken down: the kernel drops the routes with it. */
export async function showLinkDown(fixture: Fixture): Promise<void> {
  const {
    setup,
    topology: { node },
    conflist,
  } = fixture;
  const { transcript } = setup;
  await transcript.heading(
    "The link to gateway A goes down: tenant A stops at once, nothing leaks",
  );
  const strays = await strayCounter(fixture);
  await node.show(["ip", "link", "set", "eth1", "down"]);
  const calls = await callBoth(fixture);
  transcript.statement('IPv4: web-0 is told "unreachable" at once', calls[0].refusedAtOnce);
  transcript.statement('IPv6: web-0 is told "unreachable" at once', calls[1].refusedAtOnce);
  const leaked = await strays();
  transcript.statement(
    `nothing of web-0 came by another gateway (${leaked} packets counted there)`,
    leaked === 0,
  );
  await checkOthersWork(fixture);
  await node.show(["ip", "link", "set", "eth1", "up"]);
  transcript.say(
    "The kernel dropped the routes with the link; wrapper routes watch would see this by itself.",
  );
  await applyRoutes(setup, node, conflist);
  await checkBack(
    fixture,
    "with the gateway back tenant A works again, in both families; no pod was touched",
  );
}

/** Gateway A stops answering while the node's link stays as it is. */
export async function showSilentGateway(fixture: Fixture): Promise<void> {
  const {
    setup,
    topology: { a },
  } = fixture;
  const { transcript, shell } = setup;
  await transcript.heading("Gateway A hangs, with the link up: tenant A stops, nothing leaks");
  const strays = await strayCounter(fixture);
  await a.machine.show(["nft", DEAF], { as: `nft '${DEAF}'` });
  const calls = await callBoth(fixture);
  transcript.statement(
    "nobody answers web-0, in either family",
    calls.every(({ ok }) => !ok),
  );
  transcript.say(
    "Until the node's neighbour entry has failed there is silence; then the node says so",
    "(its neighbour times are shortened here, or this would take up to a minute):",
  );
  let last = calls[0];
  const told = await shell.until(async () => {
    last = await call(setup, fixture.web.machine, target(SERVER[0], 80), {
      quiet: true,
      timeoutMs: 5000,
    });
    return last.error === "EHOSTUNREACH";
  }, NEIGHBOUR_MS);
  transcript.statement(`web-0 is told "unreachable" (${last.error} after ${last.ms} ms)`, told);
  const leaked = await strays();
  transcript.statement(
    `nothing of web-0 came by another gateway (${leaked} packets counted there)`,
    leaked === 0,
  );
  await checkOthersWork(fixture);
  await a.machine.show(["nft", "delete table netdev hang"]);
  await checkBack(fixture, "gateway back: tenant A works again; neither pod nor node was touched");
}

/** Somebody empties the tenant's table. */
export async function showFlushedTable(fixture: Fixture): Promise<void> {
  const {
    setup,
    topology: { node },
    conflist,
  } = fixture;
  const { transcript } = setup;
  await transcript.heading("Somebody flushes the tenant's table: tenant A stops, nothing leaks");
  const strays = await strayCounter(fixture);
  await node.show(["sh", "-c", "ip route flush table 100; ip -6 route flush table 100"], {
    as: "ip route flush table 100; ip -6 route flush table 100",
  });
  await node.show(["ip", "route", "show", "table", "100"]);
  await node.show(["ip", "rule"]);
  const calls = await callBoth(fixture);
  transcript.statement(
    'IPv4: the rule behind the tenant\'s stands: web-0 is told "unreachable" at once',
    calls[0].refusedAtOnce,
  );
  transcript.statement(
    'IPv6: the rule behind the tenant\'s stands: web-0 is told "unreachable" at once',
    calls[1].refusedAtOnce,
  );
  const leaked = await strays();
  transcript.statement(
    `nothing of web-0 came by another gateway (${leaked} packets counted there)`,
    leaked === 0,
  );
  await checkOthersWork(fixture);
  await applyRoutes(setup, node, conflist);
  await checkBack(fixture, "wrapper routes apply puts it right; no pod was touched");
}
