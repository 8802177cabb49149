/** The lab `gateway-pod` with two gateway pods, watched: one dies, the other carries on; both die, the tenant stops. */
import { call, target } from "../kit/calls";
import { countPackets } from "../kit/packets";
import { writeNode1, type Choice } from "./conflists";
import { endGateway, renewInterface, type Gateway } from "./gateways";
import { configure, type Scene } from "./lab";
import { FAMILIES } from "./one-node";
import { VXLAN_MTU } from "./overlay";
import { routeGateway, SERVER, SERVERS } from "./topology";
import { gatewayState, tenantState } from "./watch-status";

const TWO: Choice = { gateways: [0, 1], snat: "none", mtu: VXLAN_MTU, check: true };
/** How long the watcher may take to see what happened (ms): much more than probes and hold-down need. */
const SEEN_MS = 30_000;

/** `near` and `far` are gw-0 and gw-1. */
export async function showFailover(
  scene: Scene,
  [near, far]: readonly [Gateway, Gateway],
): Promise<void> {
  const {
    stage,
    net: { node1 },
  } = scene;
  const { story, shell } = stage;
  story.heading("Two gateway pods, and wrapper routes watch");
  story.say(
    `gw-0 is still from before the VXLAN: its second interface is made anew, with an MTU of ${VXLAN_MTU}.`,
  );
  story.claim("gw-0 is attached again", await renewInterface(near));
  story.claim("wrapper routes apply succeeds", await configure(scene, TWO));
  await node1.show(["ip", "route", "show", "table", "100"]);
  story.command("node1", "wrapper routes watch --conf node1.conflist --sysctl &");
  await node1.background([
    stage.binary,
    "routes",
    "watch",
    "--conf",
    writeNode1(stage, TWO),
    "--sysctl",
  ]);
  const ready = await shell.until(() => tenantState(scene.stage) === "ok", SEEN_MS);
  if (!story.claim("the watcher finds both gateways working", ready)) return;
  const { from } = await call(stage, scene.client, target(SERVER[0], 80));
  const [used, other] = from === near.outside[0] ? [near, far] : [far, near];
  story.claim("the client leaves by one of the two", from === used.outside[0]);
  const strays = await Promise.all(
    FAMILIES.map(({ at, ip }) =>
      countPackets(scene.net.internet, `iifname "br0" ${ip} daddr ${SERVERS[at]}`),
    ),
  );
  await showTunnelLost(scene, used, other);
  await showPodLost(scene, other);
  const leaked = await Promise.all(strays.map((counter) => counter.read()));
  story.claim(
    `in all this time no packet to the server, and none of the watcher's checks, left by the nodes' default route (${leaked.join(" and ")} counted)`,
    leaked.every((count) => count === 0),
  );
  await showBack(scene, used);
}

/** The pod lives, and its neighbours see it; only what is behind it has gone. */
async function showTunnelLost(scene: Scene, used: Gateway, other: Gateway): Promise<void> {
  const {
    stage: { story, shell },
  } = scene;
  story.heading(
    `The tunnel of ${used.machine.name} dies while the pod lives: ${other.machine.name} carries on`,
  );
  await used.machine.show(["ip", "link", "set", "tun0", "down"]);
  const seen = await shell.until(
    () => used.inside.every((via) => gatewayState(scene.stage, via) === "down"),
    SEEN_MS,
  );
  story.claim(
    `the watcher's checks find ${used.machine.name} out, in both families`,
    seen && tenantState(scene.stage) === "degraded",
  );
  await showTable(scene);
  await claimLeavesBy(
    scene,
    other,
    `the client leaves by ${other.machine.name}; its pod was not touched`,
  );
}

async function showPodLost(scene: Scene, last: Gateway): Promise<void> {
  const { stage, client } = scene;
  const { story, shell } = stage;
  story.heading(`The pod ${last.machine.name} ends too: with no gateway left the tenant stops`);
  story.claim(`${last.machine.name} is gone`, await endGateway(last));
  const stopped = await shell.until(() => tenantState(scene.stage) === "stopped", SEEN_MS);
  story.claim("the watcher says that the tenant is stopped", stopped);
  await showTable(scene);
  for (const { name, at } of FAMILIES) {
    const { refusedAtOnce } = await call(stage, client, target(SERVER[at], 80));
    story.claim(`${name}: the client is told "unreachable" at once`, refusedAtOnce);
  }
}

/** Not before it has worked for a while: a gateway that flaps does not take the tenant with it. */
async function showBack(scene: Scene, back: Gateway): Promise<void> {
  const {
    stage: { story, shell },
  } = scene;
  story.heading(`The tunnel of ${back.machine.name} is back: it is used again after its hold-down`);
  await back.machine.ip("link set tun0 up");
  await routeGateway(back.machine);
  const states = new Set<string>();
  const seen = await shell.until(() => {
    back.inside.forEach((via) => states.add(gatewayState(scene.stage, via)));
    return back.inside.every((via) => gatewayState(scene.stage, via) === "up");
  }, SEEN_MS);
  story.claim(
    "it answers, is held down for a while, and then used",
    seen && states.has("hold-down"),
  );
  await showTable(scene);
  await claimLeavesBy(scene, back, `the client leaves by ${back.machine.name}`);
}

async function claimLeavesBy(
  { stage, client }: Scene,
  { outside }: Gateway,
  words: string,
): Promise<void> {
  for (const { name, at } of FAMILIES) {
    const { from } = await call(stage, client, target(SERVER[at], 80));
    stage.story.claim(`${name}: ${words}`, from === outside[at]);
  }
}

async function showTable({ net: { node1 } }: Scene): Promise<void> {
  await node1.show(["sh", "-c", "ip route show table 100; ip -6 route show table 100"], {
    as: "ip route show table 100; ip -6 route show table 100",
  });
}
