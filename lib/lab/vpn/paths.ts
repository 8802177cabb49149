/** The ways that packets take in the lab `vpn`. */
import { call, target } from "../kit/calls";
import { countPackets, trace } from "../kit/packets";
import type { Fixture } from "./fixture";
import {
  BY_ROUTER,
  BY_VPN,
  CLIENT,
  HOST_PORT,
  NODE,
  SERVER,
  SERVICE,
  TWO,
  VPN_GATEWAY,
} from "./topology";

/** Only the annotated pod takes the VPN. */
export async function showInternet({
  setup,
  topology: { vpn },
  pods: [player, shop, office],
}: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("The annotated pod's internet traffic leaves by vpn0, nobody else's");
  const hops = await trace(transcript, player.machine, SERVER);
  transcript.statement(
    "player-0's second hop is vpn-gw",
    hops[1] === VPN_GATEWAY && hops.at(-1) === SERVER,
  );
  const others = await countPackets(
    vpn,
    `iifname "lan" ip daddr ${SERVER} ip saddr != 192.168.2.10`,
  );
  for (const [pod, way, words] of [
    [player, BY_VPN, "vpn-gw"],
    [shop, BY_ROUTER, "the router"],
    [office, BY_ROUTER, "the router: its mark has no routes"],
  ] as const) {
    const { by, from } = await call(setup, pod.machine, target(SERVER, 80));
    transcript.statement(
      `the server sees ${pod.machine.name} behind ${words}`,
      by === "server" && from === way,
    );
  }
  const count = await others.read();
  transcript.statement(
    `vpn-gw got packets from vpn0's address only (${count} others)`,
    count === 0,
  );
}

/** What the main table knows exactly is found before the mark. */
export async function showCluster({
  setup,
  topology: { vpn, node },
  pods: [player, shop],
}: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("Its cluster traffic does not");
  const strays = await countPackets(vpn, 'iifname "lan" ip daddr { 10.0.0.0/8 }');
  const targets = [
    [shop.address, "shop-0", "a pod on its node"],
    [TWO, "two-0", "a pod on another node"],
    [SERVICE, "two-0", "a Service, whose endpoint is there"],
    [NODE, "node", "its node"],
  ] as const;
  for (const [address, name, words] of targets) {
    const { by } = await call(setup, player.machine, target(address, 80));
    transcript.statement(`player-0 reaches ${words}`, by === name);
  }
  const probe = await call(setup, node, target(player.address, 80));
  transcript.statement("its node reaches it, as the kubelet's probes do", probe.by === "player-0");
  const count = await strays.read();
  transcript.statement(
    `nothing of that came to vpn-gw (${count} packets counted there)`,
    count === 0,
  );
}

/** The reply rule takes the mark off answers. */
export async function showInbound({
  setup,
  topology: { client },
  pods: [player],
}: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading(
    "A client outside calls the annotated pod through portmap: the reply goes back by the router",
  );
  const { by, from } = await call(setup, client, target(BY_ROUTER, HOST_PORT));
  transcript.statement(
    `the client gets ${player.machine.name}'s answer`,
    by === "player-0" && from === CLIENT,
  );
}
