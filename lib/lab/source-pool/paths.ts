/** The lab `source-pool` while nothing is broken: which way each pool takes, and under which address. */
import { call, target } from "../kit/calls";
import { FAMILIES } from "../kit/families";
import { countPackets, trace } from "../kit/packets";
import type { Fixture } from "./fixture";
import { NAS, OFFICE, POOLS, ROUTER, SERVER, VPN_POOLS } from "./topology";

/** Each pool by its own uplink, translated or not. */
export async function showUplinks({
  setup,
  topology: { isp, vpn },
  shop,
  player,
}: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("Each pool leaves by its own uplink");
  for (const { name, at } of FAMILIES) {
    for (const [pod, uplink] of [
      [shop, isp],
      [player, vpn],
    ] as const) {
      const hops = await trace(transcript, pod.machine, SERVER[at]);
      transcript.statement(
        `${name}: ${pod.machine.name}'s packets go by the router and ${uplink.beyond.name}`,
        hops[1] === ROUTER[at] && hops[2] === uplink.via[at] && hops.at(-1) === SERVER[at],
      );
    }
  }
  const seen = [
    [shop, 0, isp.own[0], "the router's address on wan0"],
    [shop, 1, shop.addresses[1], "its own address: the public prefix is not translated"],
    [player, 0, vpn.own[0], "the router's address on vpn0"],
    [player, 1, vpn.own[1], "the router's address on vpn0: the private prefix is translated"],
  ] as const;
  for (const [pod, at, address, words] of seen) {
    const { by, from } = await call(setup, pod.machine, target(SERVER[at], 80));
    transcript.statement(
      `${FAMILIES[at].name}: the server sees ${pod.machine.name} as ${words}`,
      by === "server" && from === address,
    );
  }
}

/** The router must see the pods' own addresses: by them it distinguishes tenants. */
export async function showNothingTranslated({
  setup,
  topology: { router, node },
  shop,
  player,
}: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("The node itself translates nothing");
  const matches = [`ip daddr ${SERVER[0]} ip saddr`, `ip6 daddr ${SERVER[1]} ip6 saddr`];
  const strangers = await Promise.all(
    matches.map((match, at) =>
      countPackets(
        router,
        `iifname "pods0" ${match} != { ${POOLS[at] ?? ""}, ${VPN_POOLS[at] ?? ""} }`,
      ),
    ),
  );
  for (const { machine, addresses } of [shop, player]) {
    const own = await Promise.all(
      matches.map((match, at) =>
        countPackets(router, `iifname "pods0" ${match} ${addresses[at] ?? ""}`),
      ),
    );
    for (const address of SERVER) await call(setup, machine, target(address, 80));
    const counts = await Promise.all(own.map((counter) => counter.read()));
    transcript.statement(
      `${machine.name}'s packets reach the router with its own addresses (${counts.join(" and ")} counted there)`,
      counts.every((count) => count > 0),
    );
  }
  const strange = await Promise.all(strangers.map((counter) => counter.read()));
  transcript.statement(
    `none came with an address of the node (${strange.join(" and ")} counted)`,
    strange.every((count) => count === 0),
  );
  const rules = await node.show(["nft", "list", "ruleset"]);
  transcript.statement(
    "the node has rules that mark, and none that translates",
    rules.status === 0 &&
      rules.output.includes("10.201.0.2") &&
      !/masquerade|snat|dnat/i.test(rules.output),
  );
}

/** By the main table, and nobody's address changes. */
export async function showLan({ setup, topology: { vpn }, shop, player }: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("The LAN list is reached directly and untranslated, by the tenant too");
  const matches = [`ip daddr { ${NAS[0]}, ${OFFICE[0]} }`, `ip6 daddr { ${NAS[1]}, ${OFFICE[1]} }`];
  const counters = await Promise.all(
    matches.map((match) => countPackets(vpn.beyond, `iifname "customer" ${match}`)),
  );
  for (const { name, at } of FAMILIES) {
    for (const { machine, addresses } of [shop, player]) {
      const nas = await call(setup, machine, target(NAS[at], 80));
      transcript.statement(
        `${name}: the nas sees ${machine.name}'s own address`,
        nas.by === "nas" && nas.from === addresses[at],
      );
      const office = await call(setup, machine, target(OFFICE[at], 80));
      transcript.statement(
        `${name}: the office, by the router's default route, sees ${machine.name}'s own address`,
        office.by === "office" && office.from === addresses[at],
      );
    }
    const between = await call(setup, player.machine, target(shop.addresses[at], 80));
    transcript.statement(
      `${name}: from pool to pod of the other pool`,
      between.by === "shop-0" && between.from === player.addresses[at],
    );
  }
  const counts = await Promise.all(counters.map((counter) => counter.read()));
  transcript.statement(
    `nothing for the LAN came to vpn-exit (${counts.join(" and ")} packets counted there)`,
    counts.every((count) => count === 0),
  );
}

/** Connections that begin outside the node. */
export async function showReturns({
  setup,
  topology: { nas, internet },
  shop,
  player,
}: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("Return traffic: the router knows the way back to both pools");
  for (const { name, at } of FAMILIES) {
    for (const { machine, addresses } of [shop, player]) {
      const { by, from } = await call(setup, nas, target(addresses[at], 80));
      transcript.statement(
        `${name}: the nas calls ${machine.name} and gets its answer`,
        by === machine.name && from === NAS[at],
      );
    }
  }
  const inbound = await call(setup, internet, target(shop.addresses[1], 80), { source: SERVER[1] });
  transcript.statement(
    "IPv6: the internet reaches shop-0 by its public address",
    inbound.by === "shop-0" && inbound.from === SERVER[1],
  );
}
