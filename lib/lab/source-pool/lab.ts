/** A router behind the node distinguishes tenants by their pods' addresses. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { startResponder } from "../kit/calls";
import type { Pair } from "../kit/families";
import { type Attached, createRuntime, type PodSpec, type Runtime } from "../kit/runtime";
import type { Lab, Setup } from "../kit/lab";
import type { Fixture } from "./fixture";
import { showLostUplink } from "./lost";
import { showLan, showNothingTranslated, showReturns, showUplinks } from "./paths";
import { configureRouter, showOtherFormats, takeRouterBack } from "./router";
import {
  buildTopology,
  OFFICE,
  PICTURE,
  POOLS,
  VPN_POOLS,
  writeConflist,
  type Topology,
} from "./topology";

const PODS: readonly (PodSpec & { readonly pools: Pair })[] = [
  { pod: "web/shop-0", pools: POOLS },
  { pod: "media/player-0", annotations: { "tenant.routing/fwmark": "vpn" }, pools: VPN_POOLS },
];

export const sourcePool: Lab = {
  picture: PICTURE,
  programs: ["iptables", "ip6tables"],
  plugins: ["ptp", "host-local"],
  run,
};

async function run(setup: Setup): Promise<void> {
  const topology = await buildTopology(setup);
  const conflist = writeConflist(setup);
  await startResponder(setup, topology.internet, 80, "server");
  await startResponder(setup, topology.nas, 80);
  await startResponder(setup, topology.isp.beyond, 80, "office");
  await showNode(setup, topology, conflist);
  const runtime = createRuntime(setup, topology.node, conflist);
  const pods = await attach(setup, runtime);
  if (pods === undefined)
    return setup.transcript.say("Without the pods there is nothing more to show.");
  const { script, undo } = await configureRouter(setup, topology, conflist);
  const fixture: Fixture = { setup, topology, conflist, script, ...pods };
  await showOtherFormats(fixture);
  for (const step of [showUplinks, showNothingTranslated, showLan, showReturns, showLostUplink])
    await step(fixture);
  if (setup.keep) return;
  await takeRouterBack(fixture, undo);
  await takeDown(fixture, runtime);
}

async function showNode(setup: Setup, { node }: Topology, conflist: string): Promise<void> {
  const { transcript } = setup;
  await transcript.heading("One conflist for the node and for the router behind it");
  await node.show(["cat", conflist], { as: "cat source-pool.conflist" });
  transcript.say(
    "The tenant has no table and no gateways: this node only gives its pods other addresses.",
    `The office (${OFFICE.join(", ")}) is on the LAN list, but the router has no route to it except its default.`,
  );
}

async function attach(
  setup: Setup,
  runtime: Runtime,
): Promise<Pick<Fixture, "shop" | "player"> | undefined> {
  const { transcript } = setup;
  await transcript.heading("Two pods: the tenant's patch of the delegate chooses the pool");
  const attached: Attached[] = [];
  for (const spec of PODS) {
    const machine = await runtime.sandbox(spec);
    const {
      ok,
      addresses: [v4 = "", v6 = ""],
    } = await runtime.add(machine);
    const inPools = [v4, v6].every((address, at) =>
      address.startsWith((spec.pools[at] ?? "").replace(/(?:0|:)\/.*$/, "")),
    );
    if (
      !transcript.statement(
        `${spec.pod} has its addresses from ${spec.pools.join(" and ")}`,
        ok && inPools,
      )
    )
      return undefined;
    attached.push({ machine, addresses: [v4, v6] });
    await startResponder(setup, machine, 80);
  }
  const [shop, player] = attached as [Attached, Attached];
  return { shop, player };
}

async function takeDown(
  { setup: { transcript, dir }, shop, player }: Fixture,
  runtime: Runtime,
): Promise<void> {
  await transcript.heading("The pods are deleted: each pool gets its addresses back");
  const leases = (): number =>
    readdirSync(join(dir, "ipam", "source-pool")).filter((name) => /^[0-9a-f]+[.:]/.test(name))
      .length;
  const before = leases();
  for (const { machine } of [shop, player]) {
    const { ok } = await runtime.del(machine);
    transcript.statement(`DEL of ${machine.spec.pod} succeeds`, ok);
  }
  transcript.statement(
    `no address of either pool is in use any more (${before} were, ${leases()} are)`,
    before === 4 && leases() === 0,
  );
}
