/** Tenant C of the lab `external-ipam`: a company's own IPAM, asked over HTTPS, and everything that it may do wrong. */
import { readFileSync } from "node:fs";
import type { Background } from "../kit/machines";
import type { AddressMode } from "../kit/probe/address-server";
import { createRuntime, type Pod } from "../kit/runtime";
import { givenAddresses } from "../kit/probe/address-server";
import { setMode, startAddressServer } from "./address-server";
import { writeImpatient } from "./conflist";
import { end } from "./programs";
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

/** What the server does, in words, and what the ADD says then. */
const FAULTS: readonly (readonly [AddressMode, string, RegExp])[] = [
  [
    "refuse",
    "the server refuses",
    /error 120: .*no address from the company: .*team-c has no address left/,
  ],
  ["nonsense", "it answers nonsense", /10\.67\.0\.300/],
  [
    "stray",
    "it answers an address beside the pool",
    /error 102: .*10\.67\.0\.250, which is not in the pool/,
  ],
  ["twice", "it answers app-0's address", /error 102: .*which pod c\/app-0 .* has/],
];

/** An address and its return; then each fault, of which nobody but the new pod notices anything. */
export async function showAddressServer(fixture: Fixture): Promise<void> {
  const { setup, topology } = fixture;
  const { transcript } = setup;
  await transcript.heading("Tenant C: addresses from the company's own server, asked over HTTPS");
  const server = await startAddressServer(setup, topology.corp);
  const app = await attach(fixture, await podOf(fixture, "c/app-0", "tenant-c"));
  if (app === undefined) return;
  await stateTable(fixture, app);
  await stateWay(fixture, app, topology.c);
  await transcript.heading(
    "The server refuses, answers nonsense, or an address that is not to be had",
  );
  const late = await podOf(fixture, "c/app-1", "tenant-c");
  for (const [mode, about, words] of FAULTS) {
    setMode(setup, mode);
    await refuse(fixture, late, { about, words });
  }
  await showSlow(fixture, late);
  setMode(setup, "good");
  await stateTable(fixture, app);
  await stateWay(fixture, app, topology.c);
  await showDown(fixture, { app, late, server });
}

async function stateTable(
  fixture: Fixture,
  { machine, addresses: [address = ""] }: Tenant,
): Promise<void> {
  const { transcript } = fixture.setup;
  const given = givenAddresses(fixture.setup.dir);
  transcript.statement(
    `the server has given ${address} to ${machine.name}, and nothing to anybody else`,
    given[machine.containerId] === address && Object.keys(given).length === 1,
  );
  transcript.statement(
    `the mark on ${address} is tenant C's`,
    (await markOn(fixture, address)) === "0x30/0xff",
  );
}

/** The plugin has no limit of its own: `delegateTimeout` ends it, with its curl. */
async function showSlow(fixture: Fixture, late: Pod): Promise<void> {
  const { setup, topology, conflist } = fixture;
  setMode(setup, "slow");
  const impatient = createRuntime(
    setup,
    topology.node,
    writeImpatient(setup, readFileSync(conflist, "utf8")),
  );
  const words = /error 11: .*did not finish within 5000 ms/;
  await refuse(fixture, late, { about: "it does not answer", words }, impatient.add);
  const list = `for pid in $(ip netns pids ${topology.node.netns}); do cat /proc/$pid/comm; done`;
  const { output } = await setup.shell.run(["sh", "-c", list]);
  setup.transcript.statement("no curl is left of it", !/^curl$/m.test(output));
}

async function showDown(
  fixture: Fixture,
  { app, late, server }: { app: Tenant; late: Pod; server: Background },
): Promise<void> {
  const { setup, topology } = fixture;
  const { transcript } = setup;
  await transcript.heading("The company's server is down, and comes back");
  await end(setup, server);
  const words = /error 120: .*onnect/;
  await refuse(fixture, late, { about: "the server is down", words, owesDel: true });
  await stateWay(fixture, app, topology.c);
  if (setup.keep) {
    await startAddressServer(setup, topology.corp);
    return;
  }
  transcript.statement(
    "DEL fails, because the address is not given back",
    !(await detach(fixture, app)),
  );
  await startAddressServer(setup, topology.corp);
  transcript.statement("the next DEL succeeds", await detach(fixture, app));
  const { ok } = await fixture.runtime.del(late);
  transcript.statement("so does the DEL of the pod that was not added", ok);
  transcript.statement(
    "the server has every address back",
    Object.keys(givenAddresses(setup.dir)).length === 0,
  );
  const back = await attach(fixture, late);
  if (back !== undefined) await stateTable(fixture, back);
}
