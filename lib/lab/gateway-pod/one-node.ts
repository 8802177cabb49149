/** The lab `gateway-pod` with the gateway on the tenant's own node: which way, without privileges, under which address. */
import { call, target } from "../kit/calls";
import { countPackets, trace } from "../kit/packets";
import { addressesIn, configure, type Scene } from "./lab";
import type { Gateway } from "./gateways";
import { FORBIDDEN_PORT, NODE1, ON_BRIDGE, SERVER } from "./topology";

export const FAMILIES = [
  { name: "IPv4", at: 0, ip: "ip" },
  { name: "IPv6", at: 1, ip: "ip6" },
] as const;

/** The tenant by the gateway pod, the other pod not. */
export async function showOneNode(scene: Scene, gateway: Gateway): Promise<void> {
  const { stage, client, plain, pod } = scene;
  const { story } = stage;
  story.heading("One node: the client's gateway is a pod on a bridge");
  story.claim("wrapper routes apply succeeds", await configure(scene, { gateways: [0] }));
  await claimWay(scene, gateway);
  for (const { name, at } of FAMILIES) {
    const { from } = await call(stage, plain, target(SERVER[at], 80));
    story.claim(`${name}: plain-0 leaves by the node, as before`, from === NODE1[at]);
    const refused = await call(stage, client, target(SERVER[at], FORBIDDEN_PORT));
    const passed = await call(stage, plain, target(SERVER[at], FORBIDDEN_PORT));
    story.claim(
      `${name}: the gateway's filter stops the client's port ${FORBIDDEN_PORT} and nobody else's`,
      !refused.ok && passed.by === "server",
    );
  }
  const links = await pod.show(["ip", "-br", "link"]);
  const names = links.stdout
    .trim()
    .split("\n")
    .map((line) => line.split(/[@\s]/)[0]);
  story.claim(
    "the client's namespace has the plugin's interface and no other",
    names.join(" ") === "lo eth0",
  );
  const denied = await client.run(["ip", "route", "del", "default"]);
  story.command("client-0", "ip route del default", denied.output);
  story.claim(
    "what runs there has no privileges in this lab, and needs none",
    denied.status !== 0 && /not permitted/i.test(denied.output),
  );
}

/** The client by this gateway, in both families. */
export async function claimWay(
  { stage, client }: Scene,
  { machine, inside, outside }: Gateway,
): Promise<void> {
  for (const { name, at } of FAMILIES) {
    const hops = await trace(stage.story, client, SERVER[at]);
    stage.story.claim(
      `${name}: the client's second hop is the pod ${machine.name}`,
      hops[1] === inside[at] && hops.at(-1) === SERVER[at],
    );
    const { from } = await call(stage, client, target(SERVER[at], 80));
    stage.story.claim(
      `${name}: the server sees the address of ${machine.name}'s tunnel`,
      from === outside[at],
    );
  }
}

/** The node hides what leaves the pod network, and so also hides the client from its gateway, unless told not to. */
export async function showMasquerade(scene: Scene, gateway: Gateway): Promise<void> {
  const {
    stage,
    plain,
    net: { node1 },
  } = scene;
  const { story } = stage;
  story.heading(
    "The node's own masquerading hides the client from its gateway; snat none exempts it",
  );
  await node1.show(["iptables", "-t", "nat", "-S", "KIND-MASQ-AGENT"]);
  const before = await seenByGateway(scene, gateway);
  story.claim(
    `without it ${gateway.machine.name} sees the node's address (${before.node.join(" and ")} packets), never the client's`,
    before.node.every(some) && before.client.every(none),
  );
  story.claim(
    "wrapper routes apply succeeds",
    await configure(scene, { gateways: [0], snat: "none" }),
  );
  await claimNotHidden(scene, gateway);
  for (const { name, at } of FAMILIES) {
    const { from } = await call(stage, plain, target(SERVER[at], 80));
    story.claim(`${name}: plain-0 is still hidden behind the node's address`, from === NODE1[at]);
  }
}

/** The gateway sees the pod's own address. */
export async function claimNotHidden(scene: Scene, gateway: Gateway): Promise<void> {
  const seen = await seenByGateway(scene, gateway);
  const words = `${gateway.machine.name} sees the client's own address (${seen.client.join(" and ")} packets), never a node's (${seen.node.join(" and ")})`;
  scene.stage.story.claim(words, seen.client.every(some) && seen.node.every(none));
}

/** Packets from the client's own address and from a node's that come to the gateway for two calls, in both families. */
async function seenByGateway(
  { stage, client, pod }: Scene,
  { machine }: Gateway,
): Promise<{ client: readonly number[]; node: readonly number[] }> {
  const own = await addressesIn(pod);
  const sources = (at: 0 | 1): readonly [string, string] => [
    own[at],
    `{ ${ON_BRIDGE[0][at]}, ${ON_BRIDGE[1][at]} }`,
  ];
  const counters = await Promise.all(
    ([0, 1] as const).map((which) =>
      Promise.all(
        FAMILIES.map(({ ip, at }) =>
          countPackets(
            machine,
            `iifname "net1" ${ip} saddr ${sources(at)[which]} ${ip} daddr ${SERVER[at]}`,
          ),
        ),
      ),
    ),
  );
  for (const address of SERVER) await call(stage, client, target(address, 80));
  const [ofClient = [], ofNode = []] = await Promise.all(
    counters.map((each) => Promise.all(each.map((counter) => counter.read()))),
  );
  return { client: ofClient, node: ofNode };
}

function some(count: number): boolean {
  return count > 0;
}

function none(count: number): boolean {
  return count === 0;
}
