/** The lab `gateway-pod` with the gateway on the tenant's own node: which way, without privileges, under which address. */
import { call, target } from "../kit/calls";
import { FAMILIES } from "../kit/families";
import { countPackets, trace } from "../kit/packets";
import { addressesIn, configure, type Fixture } from "./fixture";
import { FORBIDDEN_PORT, NODE1, ON_BRIDGE, SERVER, type Gateway } from "./topology";

/** The tenant by the gateway pod, the other pod not. */
export async function showOneNode(fixture: Fixture, gateway: Gateway): Promise<void> {
  const { setup, client, plain, pod } = fixture;
  const { transcript } = setup;
  await transcript.heading("One node: the client's gateway is a pod on a bridge");
  transcript.statement(
    "wrapper routes apply succeeds",
    await configure(fixture, { gateways: [0] }),
  );
  await checkWay(fixture, gateway);
  for (const { name, at } of FAMILIES) {
    const { from } = await call(setup, plain, target(SERVER[at], 80));
    transcript.statement(`${name}: plain-0 leaves by the node, as before`, from === NODE1[at]);
    const refused = await call(setup, client, target(SERVER[at], FORBIDDEN_PORT));
    const passed = await call(setup, plain, target(SERVER[at], FORBIDDEN_PORT));
    transcript.statement(
      `${name}: the gateway's filter stops the client's port ${FORBIDDEN_PORT} and nobody else's`,
      !refused.ok && passed.by === "server",
    );
  }
  const links = await pod.show(["ip", "-br", "link"]);
  const names = links.stdout
    .trim()
    .split("\n")
    .map((line) => line.split(/[@\s]/)[0]);
  transcript.statement(
    "the client's namespace has the plugin's interface and no other",
    names.join(" ") === "lo eth0",
  );
  const denied = await client.run(["ip", "route", "del", "default"]);
  transcript.command("client-0", "ip route del default", denied.output);
  transcript.statement(
    "what runs there has no privileges in this lab, and needs none",
    denied.status !== 0 && /not permitted/i.test(denied.output),
  );
}

/** The client by this gateway, in both families. */
export async function checkWay(
  { setup, client }: Fixture,
  { machine, inside, outside }: Gateway,
): Promise<void> {
  for (const { name, at } of FAMILIES) {
    const hops = await trace(setup.transcript, client, SERVER[at]);
    setup.transcript.statement(
      `${name}: the client's second hop is the pod ${machine.name}`,
      hops[1] === inside[at] && hops.at(-1) === SERVER[at],
    );
    const { from } = await call(setup, client, target(SERVER[at], 80));
    setup.transcript.statement(
      `${name}: the server sees the address of ${machine.name}'s tunnel`,
      from === outside[at],
    );
  }
}

/** The node hides what leaves the pod network, and with it the client from its gateway, unless the tenant has `snat: none`. */
export async function showMasquerade(fixture: Fixture, gateway: Gateway): Promise<void> {
  const {
    setup,
    plain,
    topology: { node1 },
  } = fixture;
  const { transcript } = setup;
  await transcript.heading(
    "The node's own masquerading hides the client from its gateway; snat none exempts it",
  );
  await node1.show(["iptables", "-t", "nat", "-S", "KIND-MASQ-AGENT"]);
  const before = await seenByGateway(fixture, gateway);
  transcript.statement(
    `without it ${gateway.machine.name} sees the node's address (${before.node.join(" and ")} packets), never the client's`,
    before.node.every(some) && before.client.every(none),
  );
  transcript.statement(
    "wrapper routes apply succeeds",
    await configure(fixture, { gateways: [0], snat: "none" }),
  );
  await checkNotHidden(fixture, gateway);
  for (const { name, at } of FAMILIES) {
    const { from } = await call(setup, plain, target(SERVER[at], 80));
    transcript.statement(
      `${name}: plain-0 is still hidden behind the node's address`,
      from === NODE1[at],
    );
  }
}

/** The gateway sees the pod's own address. */
export async function checkNotHidden(fixture: Fixture, gateway: Gateway): Promise<void> {
  const seen = await seenByGateway(fixture, gateway);
  const words = `${gateway.machine.name} sees the client's own address (${seen.client.join(" and ")} packets), never a node's (${seen.node.join(" and ")})`;
  fixture.setup.transcript.statement(words, seen.client.every(some) && seen.node.every(none));
}

/** Packets from the client's own address and from a node's that come to the gateway for two calls, in both families. */
async function seenByGateway(
  { setup, client, pod }: Fixture,
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
  for (const address of SERVER) await call(setup, client, target(address, 80));
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
