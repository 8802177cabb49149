/** Tenant A of the lab `external-ipam`: the company's DHCP server gives the addresses. */
import { leftBehind } from "../kit/runtime";
import type { Background } from "../kit/machines";
import { leases, startDhcpServer } from "./dhcp-server";
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
import { end, STARTS_MS } from "./programs";

const SOON = 4;
const LATER = 1800;

/** A lease, its renewal, and its return; and what happens without the server. */
export async function showDhcp(fixture: Fixture): Promise<void> {
  const { setup, topology } = fixture;
  const { transcript } = setup;
  await transcript.heading("Tenant A: addresses from the company's DHCP server, on its VLAN");
  const early = await startDhcpServer(setup, topology.corp, SOON);
  const first = await podOf(fixture, "a/desk-0", "tenant-a");
  const second = await podOf(fixture, "a/desk-1", "tenant-a");
  const [desk, leaving] = await Promise.all([attach(fixture, first), attach(fixture, second)]);
  await end(setup, early);
  if (desk === undefined || leaving === undefined) return;
  await stateLease(fixture, desk);
  await stateWay(fixture, desk, topology.a);
  const server = await startDhcpServer(setup, topology.corp, LATER);
  await showRenewal(fixture, [desk, leaving]);
  const back = await showServerDown(fixture, { desk, leaving, server });
  if (back !== undefined && !setup.keep) await showRelease(fixture, back);
}

/** The server's table, the pod's interface and the mark rule say the same. */
async function stateLease(
  fixture: Fixture,
  { machine, addresses: [address = ""] }: Tenant,
): Promise<void> {
  const { setup } = fixture;
  const links = JSON.parse(await machine.must(["ip", "-j", "addr", "show", "eth0"])) as readonly {
    readonly address: string;
    readonly addr_info: readonly { readonly local: string }[];
  }[];
  const lease = leases(setup).find((each) => each.address === address);
  setup.transcript.say(
    `The server's lease: ${lease?.address ?? "none"} for ${lease?.mac ?? "nobody"}`,
  );
  setup.transcript.statement(
    "the server's lease is for the interface that has the address",
    links.some(
      ({ address: mac, addr_info }) =>
        mac === lease?.mac && addr_info.some(({ local }) => local === address),
    ),
  );
  setup.transcript.statement(
    "the mark on that address is tenant A's",
    (await markOn(fixture, address)) === "0x10/0xff",
  );
}

async function showRenewal(fixture: Fixture, pods: readonly Tenant[]): Promise<void> {
  const { setup, topology } = fixture;
  const { transcript, shell } = setup;
  const addresses = pods.flatMap((pod) => pod.addresses);
  await transcript.heading("The daemon renews the leases: nothing changes");
  const before = await leftBehind(setup, topology.node);
  const expiry = (): readonly number[] =>
    addresses.map(
      (address) => leases(setup).find((each) => each.address === address)?.expires ?? 0,
    );
  const first = expiry();
  const isRenewed = await shell.until(
    () => expiry().every((each, at) => each > (first[at] ?? 0)),
    STARTS_MS,
  );
  transcript.statement("the server has renewed the leases of the same addresses", isRenewed);
  transcript.statement(
    "interfaces, rules and records are as before",
    (await leftBehind(setup, topology.node)) === before,
  );
  for (const pod of pods) await stateWay(fixture, pod, topology.a);
}

async function showServerDown(
  fixture: Fixture,
  { desk, leaving, server }: { desk: Tenant; leaving: Tenant; server: Background },
): Promise<Tenant | undefined> {
  const { setup, topology } = fixture;
  const { transcript } = setup;
  await transcript.heading("The DHCP server is down, and comes back");
  await end(setup, server);
  const late = await podOf(fixture, "a/desk-2", "tenant-a");
  const words = /DHCP\.Allocate: no more tries/;
  await refuse(fixture, late, { about: "the server is down", words });
  await stateWay(fixture, desk, topology.a);
  transcript.statement("DEL succeeds without the server", await detach(fixture, leaving));
  await startDhcpServer(setup, topology.corp, LATER);
  const back = await attach(fixture, late);
  if (back !== undefined) await stateLease(fixture, back);
  return back;
}

async function showRelease(fixture: Fixture, pod: Tenant): Promise<void> {
  const { setup } = fixture;
  const { transcript, shell } = setup;
  const [address = ""] = pod.addresses;
  const isGiven = (): boolean => leases(setup).some((each) => each.address === address);
  await transcript.heading("A pod is deleted: its lease goes back to the server");
  transcript.statement("DEL succeeds", await detach(fixture, pod));
  transcript.statement(
    `the server has no lease for ${address} any more`,
    await shell.until(() => !isGiven(), STARTS_MS),
  );
}
