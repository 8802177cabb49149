/** The lab `source-pool` while nothing is broken: which way each pool takes, and under which address. */
import { call, target } from "../kit/calls";
import { countPackets, trace } from "../kit/packets";
import type { Scene } from "./lab";
import { NAS, OFFICE, POOLS, ROUTER, SERVER, VPN_POOLS } from "./topology";

export const FAMILIES = [
  { name: "IPv4", at: 0 },
  { name: "IPv6", at: 1 },
] as const;

/** Each pool by its own uplink, translated or not. */
export async function showUplinks({
  stage,
  net: { isp, vpn },
  shop,
  player,
}: Scene): Promise<void> {
  const { story } = stage;
  story.heading("Each pool leaves by its own uplink");
  for (const { name, at } of FAMILIES) {
    for (const [pod, uplink] of [
      [shop, isp],
      [player, vpn],
    ] as const) {
      const hops = await trace(story, pod.machine, SERVER[at]);
      story.claim(
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
    const { by, from } = await call(stage, pod.machine, target(SERVER[at], 80));
    story.claim(
      `${FAMILIES[at].name}: the server sees ${pod.machine.name} as ${words}`,
      by === "server" && from === address,
    );
  }
}

/** The router must see the pods' own addresses: it tells tenants apart by them. */
export async function showNothingTranslated({
  stage,
  net: { router, node },
  shop,
  player,
}: Scene): Promise<void> {
  const { story } = stage;
  story.heading("The node itself translates nothing");
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
    for (const address of SERVER) await call(stage, machine, target(address, 80));
    const counts = await Promise.all(own.map((counter) => counter.read()));
    story.claim(
      `${machine.name}'s packets reach the router with its own addresses (${counts.join(" and ")} counted there)`,
      counts.every((count) => count > 0),
    );
  }
  const strange = await Promise.all(strangers.map((counter) => counter.read()));
  story.claim(
    `none came with an address of the node (${strange.join(" and ")} counted)`,
    strange.every((count) => count === 0),
  );
  const rules = await node.show(["nft", "list", "ruleset"]);
  story.claim(
    "the node has rules that mark, and none that translates",
    rules.status === 0 &&
      rules.output.includes("10.201.0.2") &&
      !/masquerade|snat|dnat/i.test(rules.output),
  );
}

/** By the main table, and nobody's address changes. */
export async function showLan({ stage, net: { vpn }, shop, player }: Scene): Promise<void> {
  const { story } = stage;
  story.heading("The LAN list is reached directly and untranslated, by the tenant too");
  const matches = [`ip daddr { ${NAS[0]}, ${OFFICE[0]} }`, `ip6 daddr { ${NAS[1]}, ${OFFICE[1]} }`];
  const counters = await Promise.all(
    matches.map((match) => countPackets(vpn.beyond, `iifname "customer" ${match}`)),
  );
  for (const { name, at } of FAMILIES) {
    for (const { machine, addresses } of [shop, player]) {
      const nas = await call(stage, machine, target(NAS[at], 80));
      story.claim(
        `${name}: the nas sees ${machine.name}'s own address`,
        nas.by === "nas" && nas.from === addresses[at],
      );
      const office = await call(stage, machine, target(OFFICE[at], 80));
      story.claim(
        `${name}: the office, by the router's default route, sees ${machine.name}'s own address`,
        office.by === "office" && office.from === addresses[at],
      );
    }
    const between = await call(stage, player.machine, target(shop.addresses[at], 80));
    story.claim(
      `${name}: from pool to pod of the other pool`,
      between.by === "shop-0" && between.from === player.addresses[at],
    );
  }
  const counts = await Promise.all(counters.map((counter) => counter.read()));
  story.claim(
    `nothing for the LAN came to vpn-exit (${counts.join(" and ")} packets counted there)`,
    counts.every((count) => count === 0),
  );
}

/** Connections that others begin. */
export async function showReturns({
  stage,
  net: { nas, internet },
  shop,
  player,
}: Scene): Promise<void> {
  const { story } = stage;
  story.heading("Return traffic: the router knows the way back to both pools");
  for (const { name, at } of FAMILIES) {
    for (const { machine, addresses } of [shop, player]) {
      const { by, from } = await call(stage, nas, target(addresses[at], 80));
      story.claim(
        `${name}: the nas calls ${machine.name} and gets its answer`,
        by === machine.name && from === NAS[at],
      );
    }
  }
  const inbound = await call(stage, internet, target(shop.addresses[1], 80), { source: SERVER[1] });
  story.claim(
    "IPv6: the internet reaches shop-0 by its public address",
    inbound.by === "shop-0" && inbound.from === SERVER[1],
  );
}
