/** A tenant's packets arrive at its gateway, and nowhere else; those of other pods at the default gateway. */
import { delegateType, effectiveDelegate } from "../../../delegates/netconf";
import type { Family } from "../../net/family";
import type { Call } from "../../lab/kit/calls";
import { countPackets } from "../../lab/kit/packets";
import { SERVER } from "../addresses";
import type { Gateway } from "../topology";
import { ask, familiesOf, forEachFamily, pick, type Fixture, type Tested } from "../fixture";

/** Delegates whose pods are on the outer network themselves. */
const PAST_THE_NODE: readonly string[] = ["macvlan", "ipvlan"];

/** The tenant's gateways of a family. */
export function gatewaysOf(
  { topology }: Fixture,
  { name, tenant }: Tested,
  family: Family,
): readonly Gateway[] {
  const mine = topology.gateways.filter(({ plan }) => plan.tenants.includes(name));
  const has = mine.filter(({ plan }) => viasOf(plan, family).length > 0);
  // One without a next hop serves the families that its interface has.
  const bare =
    tenant?.gateways.some(({ via }) => via === undefined) === true
      ? mine.filter(({ plan }) => plan.vias.length === 0)
      : [];
  return [...has, ...bare];
}

/** The next hops of a family. */
export function viasOf({ vias }: Gateway["plan"], family: Family): readonly string[] {
  return vias.filter((via) => via.includes(":") === (family === 6));
}

/** Packets for the server that have arrived at each of the machines so far. */
export async function countAt(
  machines: readonly Gateway["machine"][],
  address: string,
): Promise<() => Promise<number>> {
  const match = `iifname "lan" ${address.includes(":") ? "ip6" : "ip"} daddr ${address}`;
  const counters = await Promise.all(machines.map((machine) => countPackets(machine, match)));
  return async () =>
    (await Promise.all(counters.map((counter) => counter.read()))).reduce(
      (sum, count) => sum + count,
      0,
    );
}

/** Everywhere but at the tenant's own gateways. */
export function strays(fixture: Fixture, one: Tested, family: Family): ReturnType<typeof countAt> {
  const own = gatewaysOf(fixture, one, family).map(({ machine }) => machine);
  const others = [
    fixture.topology.byDefault,
    ...fixture.topology.gateways.map(({ machine }) => machine),
  ].filter((machine) => !own.includes(machine));
  return countAt(others, pick(SERVER, family));
}

/** Returns the tenants and families whose packets do arrive. */
export async function checkOwnGateway(fixture: Fixture): Promise<readonly Tested[]> {
  const { results, tested } = fixture;
  await checkPlain(fixture);
  const working = new Set<string>();
  for (const one of tested.filter(({ routed }) => !routed))
    results.skip(
      "gateway",
      { tenant: one.name },
      "it has no table, so nothing leads its mark anywhere",
    );
  const routed = tested.filter((one) => one.routed);
  for (const one of routed) if (reportIfClosed(fixture, one)) working.add(`${one.name} none`);
  await forEachFamily(
    routed.filter(({ name }) => !working.has(`${name} none`)),
    async (one, family) => {
      if (await checkFamily(fixture, one, family)) working.add(`${one.name} ${family}`);
    },
  );
  return routed.map((one) => ({
    ...one,
    families: one.families.filter((family) => working.has(`${one.name} ${family}`)),
  }));
}

async function checkPlain(fixture: Fixture): Promise<void> {
  const { results, topology, plain } = fixture;
  for (const family of familiesOf(plain)) {
    const { by, error } = await ask(fixture, plain.pod, pick(SERVER, family));
    if (by === topology.byDefault.name) results.ok("gateway", { tenant: "no tenant", family });
    else
      results.fail(
        "gateway",
        { tenant: "no tenant", family },
        `a pod without a tenant does not leave by the default gateway: ${by === "" ? error : `it leaves by ${by}`}`,
        await remedyInPod(fixture, { attached: plain }, family),
      );
  }
}

function reportIfClosed({ results }: Fixture, { name, tenant }: Tested): boolean {
  if (tenant === undefined || tenant.gateways.length > 0) return false;
  results.fail(
    "gateway",
    { tenant: name },
    "it has a table and no gateway, so all that its pods send out of the cluster is refused",
    `write its way out into /tenants/${name}/gateways`,
  );
  return true;
}

async function checkFamily(fixture: Fixture, one: Tested, family: Family): Promise<boolean> {
  const { results } = fixture;
  const about = { tenant: one.name, family };
  const own = gatewaysOf(fixture, one, family);
  const stray = await strays(fixture, one, family);
  const before = await stray();
  const answer = await ask(fixture, one.attached.pod, pick(SERVER, family));
  const strayed = (await stray()) - before;
  if (own.length === 0) {
    closedFamily(fixture, one, { family, answer, strayed });
    return false;
  }
  if (own.some(({ machine }) => machine.name === answer.by) && strayed === 0) {
    results.ok("gateway", about);
    noteSource(fixture, one, { family, from: answer.from });
    return true;
  }
  results.fail(
    "gateway",
    about,
    wayText(fixture, answer, strayed),
    answer.by === "" && strayed === 0
      ? await remedyInPod(fixture, one, family)
      : "see that no rule or table comes before the tenant's: wrapper routes show, and ip rule on the node; tenants need values that differ under one common mask",
  );
  return false;
}

function closedFamily(
  { results }: Fixture,
  one: Tested,
  { family, answer, strayed }: { family: Family; answer: Call; strayed: number },
): void {
  const about = { tenant: one.name, family };
  if (answer.by === "" && strayed === 0) {
    results.ok("gateway", about);
    results.note(
      `tenant ${one.name} has no IPv${family} gateway: its IPv${family} packets are refused, as they should be`,
    );
  } else if (one.tenant?.onGatewayLoss === "fallback") {
    results.skip(
      "gateway",
      about,
      `it has no IPv${family} gateway and onGatewayLoss is fallback: these packets leave by the node's default route`,
    );
  } else {
    results.fail(
      "gateway",
      about,
      `it has no IPv${family} gateway, yet these packets leave: answered by ${answer.by}`,
      "run wrapper routes apply: it closes a family without a gateway",
    );
  }
}

function noteSource(
  { results }: Fixture,
  { name, tenant, attached }: Tested,
  { family, from }: { family: Family; from: string },
): void {
  if (from === attached.addresses[family] || tenant?.snat !== undefined) return;
  results.note(
    `the gateway of tenant ${name} sees ${from} instead of the pod's address: the delegate hides it (ipMasq); set "ipMasq": false, or "snat": "none" for the tenant, if the gateway shall tell pods apart`,
  );
}

/** Where the packets went, for people. */
export function wayText({ topology }: Fixture, { by, error }: Call, strayed: number): string {
  if (by === topology.byDefault.name) return "its packets leave by the node's default gateway";
  const gateway = topology.gateways.find(({ machine }) => machine.name === by);
  if (gateway !== undefined && strayed > 0)
    return `its packets leave by the gateway of ${gateway.plan.tenants.join(", ") || "nobody"}`;
  if (strayed > 0)
    return `${strayed} of its packets came out elsewhere, and no answer came (${error})`;
  return `its packets do not get out: ${error}`;
}

async function remedyInPod(
  { conf, setup }: Fixture,
  { attached: { pod }, tenant }: Pick<Tested, "attached"> & Partial<Tested>,
  family: Family,
): Promise<string> {
  const type =
    conf.delegate === undefined
      ? ""
      : delegateType(effectiveDelegate(conf.delegate, tenant?.delegate));
  if (PAST_THE_NODE.includes(type))
    return `${type} leads pods' packets past the node's own routing, where no mark is written: use ptp or bridge`;
  const routes = await setup.shell.run([
    "ip",
    "-n",
    pod.netns,
    `-${family}`,
    "route",
    "show",
    "default",
  ]);
  if (routes.stdout.trim() !== "")
    return "see node routes above; wrapper routes plan on the real node says what stands in the way";
  return `the pod has no IPv${family} default route: add { "dst": "${family === 4 ? "0.0.0.0/0" : "::/0"}" } to "routes" of the delegate's ipam, or isDefaultGateway to a bridge`;
}
