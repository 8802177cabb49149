/** Tenant D of the lab `external-ipam`: the pod's annotation asks for an address, and the tenant's pool guards it. */
import {
  attach,
  detach,
  markOn,
  podOf,
  refuse,
  stateWay,
  type Fixture,
  type Tenant,
} from "./fixture";

const BESIDE = /error 7: .*asks for 10\.68\.0\.99\/24, which is not in the pool/;
const WANTED = ["10.68.0.7/24", "fd00:68::7/64"] as const;

/** The address that was asked for, and those that are not to be had. */
export async function showFixed(fixture: Fixture): Promise<void> {
  const { setup, topology } = fixture;
  const { transcript } = setup;
  await transcript.heading(
    "Tenant D: the pod's annotation asks for an address, of the tenant's pool",
  );
  transcript.say(
    "The runtime hands it on as the capability `ips`, as Multus does; `static` takes it as it is.",
  );
  const db = await attach(fixture, await podOf(fixture, "d/db-0", "tenant-d", WANTED));
  if (db === undefined) return;
  await stateFixed(fixture, db);
  await stateWay(fixture, db, topology.d);
  const cases: readonly (readonly [string, readonly string[], string, RegExp])[] = [
    ["d/db-1", WANTED, "db-0's address", /error 102: .*which pod d\/db-0 .* has/],
    ["d/db-2", ["10.68.0.99/24"], "one beside the pool", BESIDE],
    ["d/db-3", [], "none", /missing IP config/],
  ];
  for (const [name, ips, asked, words] of cases) {
    const pod = await podOf(fixture, name, "tenant-d", ips);
    await refuse(fixture, pod, { about: `it asks for ${asked}`, words });
  }
  await stateFixed(fixture, db);
  await stateWay(fixture, db, topology.d);
  if (setup.keep) return;
  transcript.statement("DEL succeeds", await detach(fixture, db));
  const again = await attach(fixture, db.machine);
  if (again !== undefined) await stateFixed(fixture, again);
}

async function stateFixed(fixture: Fixture, { machine, addresses }: Tenant): Promise<void> {
  const { transcript } = fixture.setup;
  const wanted = WANTED.map((cidr) => cidr.split("/")[0]);
  const marks = await Promise.all(addresses.map((address) => markOn(fixture, address)));
  transcript.statement(
    `${machine.name} has ${wanted.join(" and ")}, with tenant D's mark`,
    addresses.join() === wanted.join() && marks.every((mark) => mark === "0x40/0xff"),
  );
}
