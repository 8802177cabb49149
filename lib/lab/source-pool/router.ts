/** The router's configuration in the lab `source-pool`: printed, applied as printed, and taken back. */
import type { Ran } from "../kit/shell";
import type { Setup } from "../kit/lab";
import type { Fixture } from "./fixture";
import { POOLS, VPN_POOLS, type Topology } from "./topology";

const FIRST_LINES = 14;
const POOL_ROUTES = [...POOLS, ...VPN_POOLS].map(
  (pool) => `ip ${pool.includes(":") ? "-6" : "-4"} route show ${pool}`,
);
/** Everything that the script makes, but for forwarding and the main default route, which it leaves. */
const STATE = [
  "ip rule",
  "ip -6 rule",
  "ip route show table 200",
  "ip -6 route show table 200",
  ...POOL_ROUTES,
  "nft list table inet tenant-routing-router-10.0.0.11 2>/dev/null || true",
];

function print(setup: Setup, { node }: Topology, conflist: string, format: string): Promise<Ran> {
  return node.run([
    setup.binary,
    "routes",
    "router-config",
    "--conf",
    conflist,
    "--format",
    format,
  ]);
}

/** Prints the script, applies it as it is, twice. `undo` is the router's state before. */
export async function configureRouter(
  setup: Setup,
  topology: Topology,
  conflist: string,
): Promise<{ script: string; undo: string }> {
  const { transcript, write } = setup;
  const { router } = topology;
  await transcript.heading(
    "The router's configuration is printed from the conflist and applied as it is",
  );
  const undo = await state(topology);
  const printed = await print(setup, topology, conflist, "nftables");
  transcript.command(
    "node",
    "wrapper routes router-config --conf source-pool.conflist --format nftables >router.sh",
    printed.status === 0 ? "" : printed.output,
  );
  transcript.statement(
    "router-config prints a script for a Linux router",
    printed.status === 0 && printed.stdout.startsWith("#!/bin/sh\n"),
  );
  const script = write("router.sh", printed.stdout);
  await router.show(["sed", "-n", "/^# LAN, then/,$p", script], {
    as: "sed -n '/^# LAN, then/,$p' router.sh",
  });
  const { status, output } = await router.show(["sh", script], { as: "sh router.sh" });
  transcript.statement("sh takes it without a word", status === 0 && output === "");
  await router.show(["ip", "rule"]);
  await router.show(["ip", "-6", "rule"]);
  await router.show(["ip", "route", "show", "table", "200"]);
  const once = await state(topology);
  const again = await router.show(["sh", script], { as: "sh router.sh" });
  const twice = await state(topology);
  transcript.statement(
    "a second run changes nothing",
    again.status === 0 && once === twice && once !== undo,
  );
  return { script, undo };
}

/** What other routers would be given. */
export async function showOtherFormats({ setup, topology, conflist }: Fixture): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("The same for FRR and for RouterOS");
  for (const format of ["frr", "routeros"]) {
    const { status, stdout, output } = await print(setup, topology, conflist, format);
    const lines = stdout.trimEnd().split("\n");
    const shown =
      status === 0
        ? [...lines.slice(0, FIRST_LINES), `(${lines.length - FIRST_LINES} more lines)`].join("\n")
        : output;
    transcript.command(
      "node",
      `wrapper routes router-config --conf source-pool.conflist --format ${format}`,
      shown,
    );
    transcript.statement(
      `${format}: printed, with both pools of the tenant and both uplinks`,
      status === 0 &&
        ["10.201.0.0/24", "fd00:201::/64", "wan0", "vpn0"].every((word) => stdout.includes(word)),
    );
  }
}

/** The script takes back what it made. */
export async function takeRouterBack(
  { setup: { transcript }, topology, script }: Fixture,
  undo: string,
): Promise<void> {
  await transcript.heading("The router's configuration is taken back");
  const { status, output } = await topology.router.show(["sh", script, "remove"], {
    as: "sh router.sh remove",
  });
  const left = await state(topology);
  transcript.statement(
    "its rules, its tables and its translation are as before",
    status === 0 && output === "" && left === undo,
  );
}

function state({ router }: Topology): Promise<string> {
  return router.must(["sh", "-c", STATE.join("\n")]);
}
