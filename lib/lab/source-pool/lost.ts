/** The lab `source-pool` when the vpn uplink is lost: the tenant stops and does not take the other one. */
import { call, target, type Call } from "../kit/calls";
import { FAMILIES } from "../kit/families";
import { countPackets } from "../kit/packets";
import type { Fixture } from "./fixture";
import { NAS, SERVER } from "./topology";

/** How long the tenant may take until it works again (ms). */
const BACK_MS = 10_000;

async function callBoth({ setup, player }: Fixture, quiet = false): Promise<readonly [Call, Call]> {
  const one = (address: string): Promise<Call> =>
    call(setup, player.machine, target(address, 80), { quiet });
  return [await one(SERVER[0]), await one(SERVER[1])];
}

/** The link is taken down, and comes back. */
export async function showLostUplink(fixture: Fixture): Promise<void> {
  const {
    setup: { transcript },
    topology: { router, isp },
  } = fixture;
  await transcript.heading(
    "The vpn uplink goes down: the tenant stops, nothing leaks by the other uplink",
  );
  const strays = await Promise.all(
    [`ip daddr ${SERVER[0]}`, `ip6 daddr ${SERVER[1]}`].map((match) =>
      countPackets(isp.beyond, `iifname "customer" ${match}`),
    ),
  );
  await router.show(["ip", "link", "set", "vpn0", "down"]);
  await router.show(["ip", "route", "show", "table", "200"]);
  const calls = await callBoth(fixture);
  for (const { name, at } of FAMILIES)
    transcript.statement(
      `${name}: player-0 is told "unreachable" at once`,
      calls[at].refusedAtOnce,
    );
  const leaked = await Promise.all(strays.map((counter) => counter.read()));
  transcript.statement(
    `nothing of player-0 came to the isp (${leaked.join(" and ")} packets counted there)`,
    leaked.every((count) => count === 0),
  );
  await checkOthersWork(fixture);
  await bringBack(fixture);
}

async function checkOthersWork({ setup, topology: { isp }, shop, player }: Fixture): Promise<void> {
  const { transcript } = setup;
  for (const { name, at } of FAMILIES) {
    const nas = await call(setup, player.machine, target(NAS[at], 80));
    transcript.statement(
      `${name}: player-0 still reaches the nas`,
      nas.by === "nas" && nas.from === player.addresses[at],
    );
    const other = await call(setup, shop.machine, target(SERVER[at], 80));
    transcript.statement(
      `${name}: shop-0 notices nothing`,
      other.by === "server" && other.from === [isp.own[0], shop.addresses[1]][at],
    );
  }
}

async function bringBack(fixture: Fixture): Promise<void> {
  const {
    setup: { transcript, shell },
    topology: { router, vpn },
    script,
  } = fixture;
  await router.show(["ip", "link", "set", "vpn0", "up"]);
  transcript.say(
    "The kernel dropped the routes with the link; one more run of the script puts them back.",
  );
  await router.show(["sh", script], { as: "sh router.sh" });
  await shell.until(async () => (await callBoth(fixture, true)).every(({ ok }) => ok), BACK_MS);
  const back = await callBoth(fixture);
  for (const { name, at } of FAMILIES)
    transcript.statement(
      `${name}: player-0 leaves by the vpn uplink again`,
      back[at].from === vpn.own[at],
    );
}
