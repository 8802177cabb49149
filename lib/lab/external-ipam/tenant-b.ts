/** Tenant B of the lab `external-ipam`: addresses out of a prefix that the provider delegates, and then changes. */
import { call, target } from "../kit/calls";
import type { Background } from "../kit/machines";
import { countPackets, type Counter } from "../kit/packets";
import { attach, detach, markOn, podOf, type Fixture, type Tenant } from "./fixture";
import { end } from "./programs";
import { prefixFrom, startProvider } from "./prefix";
import { PREFIXES, SERVER } from "./topology";

/** What a new prefix means to pods that have the old one, and to new ones. */
export async function showPrefix(fixture: Fixture, provider: Background): Promise<void> {
  const { setup, topology } = fixture;
  const { transcript } = setup;
  await transcript.heading("Tenant B: addresses out of the prefix that the provider has delegated");
  const old = await attach(fixture, await podOf(fixture, "b/home-0", "tenant-b"));
  if (old === undefined) return;
  await stateInPrefix(fixture, old, "2001:db8:b");
  await transcript.heading("The provider delegates another prefix");
  await end(setup, provider);
  await topology.isp.ip(`-6 route del ${PREFIXES[0]}`);
  await startProvider(setup, topology.isp, PREFIXES[1]);
  const prefix = await prefixFrom(setup, "2001:db8:c");
  transcript.statement("the node's client has put the new one into the conflist", prefix !== "");
  const fresh = await attach(fixture, await podOf(fixture, "b/home-1", "tenant-b"));
  if (fresh === undefined) return;
  await stateInPrefix(fixture, fresh, "2001:db8:c");
  await stateOld(fixture, old);
  await stateStatus(fixture, { old, fresh });
}

/** The pod's own address is seen at the server: nothing is translated. */
async function stateInPrefix(
  fixture: Fixture,
  { machine, addresses }: Tenant,
  start: string,
): Promise<void> {
  const { transcript } = fixture.setup;
  const [address = ""] = addresses;
  transcript.statement(
    `${machine.name} has an address of that prefix, with tenant B's mark`,
    address.startsWith(start) && (await markOn(fixture, address)) === "0x20/0xff",
  );
  const { from } = await call(fixture.setup, machine, target(SERVER[1], 80));
  transcript.statement(`${machine.name} leaves by the isp with its own address`, from === address);
}

/** Nothing of the old prefix leaves by another gateway; the provider still gets it, and has no use for it. */
async function stateOld(fixture: Fixture, { machine, addresses }: Tenant): Promise<void> {
  const { setup, topology } = fixture;
  const { a, c, d, byDefault, isp } = topology;
  const others = [a, c, d, byDefault].map((way) => way.machine);
  const match = `iifname "lan" ip6 saddr ${addresses[0] ?? ""}`;
  const counters: readonly Counter[] = await Promise.all(
    others.map((each) => countPackets(each, match)),
  );
  const right = await countPackets(isp, match);
  const { by } = await call(setup, machine, target(SERVER[1], 80));
  const strays = await Promise.all(counters.map((each) => each.read()));
  const arrived = await right.read();
  setup.transcript.statement(
    `${machine.name} gets no answer any more, and its packets still go to the isp (${arrived})`,
    by === "" && arrived > 0,
  );
  setup.transcript.statement(
    `nothing of the old prefix came to another gateway (${strays.join(", ")} packets counted there)`,
    strays.every((count) => count === 0),
  );
}

async function stateStatus(
  fixture: Fixture,
  { old, fresh }: { old: Tenant; fresh: Tenant },
): Promise<void> {
  const { setup } = fixture;
  const { transcript } = setup;
  const named = async (): Promise<readonly boolean[]> => {
    const { output } = await statusOf(fixture);
    const about = output.split("\n").filter((line) => line.includes(" has 2001:db8:"));
    return [old, fresh].map(({ machine }) => about.some((line) => line.includes(machine.spec.pod)));
  };
  const [isOld, isFresh] = await named();
  transcript.statement(
    "wrapper status names home-0, which has an address of the old prefix",
    isOld === true,
  );
  transcript.statement("it does not name home-1", isFresh === false);
  if (setup.keep) return;
  transcript.statement("DEL of home-0 succeeds", await detach(fixture, old));
  const again = await attach(fixture, old.machine);
  if (again === undefined) return;
  await stateInPrefix(fixture, again, "2001:db8:c");
  transcript.statement(
    "wrapper status names neither",
    (await named()).every((each) => !each),
  );
}

function statusOf({ setup, topology: { node }, conflist }: Fixture) {
  const args = ["status", "--only", "pods", "--conf", conflist];
  return setup.wrapper(node, [...args, "--cni-path", setup.cniPath.join(":")], {
    as: "wrapper status --only pods --conf external-ipam.conflist",
  });
}
