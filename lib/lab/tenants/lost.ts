/** The lab `tenants` when gateway A is lost, in each way that this can happen: stop, never leak. */
import { call, target, type Call } from "../kit/calls";
import { countPackets } from "../kit/packets";
import { applyRoutes, type Scene } from "./lab";
import { CLIENT, NODE_PORT, SERVER } from "./topology";

/** How long a neighbour that does not answer may stay in use (ms): reachable, delay and probe times of topology.ts, and some. */
const NEIGHBOUR_MS = 20_000;
/** How long a tenant may take until it works again (ms). */
const BACK_MS = 5000;
/** A gateway that takes no packet any more, not even the question for its hardware address. */
const DEAF =
  "table netdev hang { chain in { type filter hook ingress device lan priority 0; policy drop; }; }";

/** Counts what web-0 sends to the server by gateways that are not its own. */
async function strayCounter({ net: { byDefault, b }, web }: Scene): Promise<() => Promise<number>> {
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

async function callBoth({ stage, web }: Scene): Promise<readonly [Call, Call]> {
  return [
    await call(stage, web.machine, target(SERVER[0], 80)),
    await call(stage, web.machine, target(SERVER[1], 80)),
  ];
}

async function claimOthersWork({
  stage,
  net: { b, client, byDefault },
  api,
}: Scene): Promise<void> {
  const { from } = await call(stage, api.machine, target(SERVER[0], 80));
  stage.story.claim("tenant B notices nothing", from === b.outside[0]);
  const inbound = await call(stage, client, target(byDefault.outside[0], NODE_PORT));
  stage.story.claim(
    "clients outside still get web-0's answers by the default gateway",
    inbound.by === "web-0" && inbound.from === CLIENT[0],
  );
}

/** Waits a moment first: the node asks a gateway that it had given up once a second. */
async function claimBack(scene: Scene, text: string): Promise<void> {
  const {
    stage,
    web,
    net: { a },
  } = scene;
  const answers = async (address: string): Promise<boolean> =>
    (await call(stage, web.machine, target(address, 80), { quiet: true })).ok;
  for (const address of SERVER) await stage.shell.until(() => answers(address), BACK_MS);
  const calls = await callBoth(scene);
  stage.story.claim(
    text,
    calls.every(({ from }, at) => from === a.outside[at]),
  );
}

/** The device towards gateway A is taken down: the kernel drops the routes with it. */
export async function showLinkDown(scene: Scene): Promise<void> {
  const {
    stage,
    net: { node },
    conflist,
  } = scene;
  const { story } = stage;
  story.heading("The link to gateway A goes down: tenant A stops at once, nothing leaks");
  const strays = await strayCounter(scene);
  await node.show(["ip", "link", "set", "eth1", "down"]);
  const calls = await callBoth(scene);
  story.claim('IPv4: web-0 is told "unreachable" at once', calls[0].refusedAtOnce);
  story.claim('IPv6: web-0 is told "unreachable" at once', calls[1].refusedAtOnce);
  const leaked = await strays();
  story.claim(
    `nothing of web-0 came by another gateway (${leaked} packets counted there)`,
    leaked === 0,
  );
  await claimOthersWork(scene);
  await node.show(["ip", "link", "set", "eth1", "up"]);
  story.say(
    "The kernel dropped the routes with the link; wrapper routes watch would see this by itself.",
  );
  await applyRoutes(stage, node, conflist);
  await claimBack(
    scene,
    "with the gateway back tenant A works again, in both families; no pod was touched",
  );
}

/** Gateway A stops answering while the node's link stays as it is. */
export async function showSilentGateway(scene: Scene): Promise<void> {
  const {
    stage,
    net: { a },
  } = scene;
  const { story, shell } = stage;
  story.heading("Gateway A hangs, with the link up: tenant A stops, nothing leaks");
  const strays = await strayCounter(scene);
  await a.machine.show(["nft", DEAF], { as: `nft '${DEAF}'` });
  const calls = await callBoth(scene);
  story.claim(
    "nobody answers web-0, in either family",
    calls.every(({ ok }) => !ok),
  );
  story.say(
    "Until the node's neighbour entry has failed there is silence; then the node says so",
    "(its neighbour times are shortened here, or this would take up to a minute):",
  );
  let last = calls[0];
  const told = await shell.until(async () => {
    last = await call(stage, scene.web.machine, target(SERVER[0], 80), {
      quiet: true,
      timeoutMs: 5000,
    });
    return last.error === "EHOSTUNREACH";
  }, NEIGHBOUR_MS);
  story.claim(`web-0 is told "unreachable" (${last.error} after ${last.ms} ms)`, told);
  const leaked = await strays();
  story.claim(
    `nothing of web-0 came by another gateway (${leaked} packets counted there)`,
    leaked === 0,
  );
  await claimOthersWork(scene);
  await a.machine.show(["nft", "delete table netdev hang"]);
  await claimBack(scene, "gateway back: tenant A works again; neither pod nor node was touched");
}

/** Somebody empties the tenant's table. */
export async function showFlushedTable(scene: Scene): Promise<void> {
  const {
    stage,
    net: { node },
    conflist,
  } = scene;
  const { story } = stage;
  story.heading("Somebody flushes the tenant's table: tenant A stops, nothing leaks");
  const strays = await strayCounter(scene);
  await node.show(["sh", "-c", "ip route flush table 100; ip -6 route flush table 100"], {
    as: "ip route flush table 100; ip -6 route flush table 100",
  });
  await node.show(["ip", "route", "show", "table", "100"]);
  await node.show(["ip", "rule"]);
  const calls = await callBoth(scene);
  story.claim(
    'IPv4: the rule behind the tenant\'s stands: web-0 is told "unreachable" at once',
    calls[0].refusedAtOnce,
  );
  story.claim(
    'IPv6: the rule behind the tenant\'s stands: web-0 is told "unreachable" at once',
    calls[1].refusedAtOnce,
  );
  const leaked = await strays();
  story.claim(
    `nothing of web-0 came by another gateway (${leaked} packets counted there)`,
    leaked === 0,
  );
  await claimOthersWork(scene);
  await applyRoutes(stage, node, conflist);
  await claimBack(scene, "wrapper routes apply puts it right; no pod was touched");
}
