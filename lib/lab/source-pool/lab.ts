/** Tenants told apart by their pods' addresses, at a router behind the node. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { startResponder } from "../kit/calls";
import { createRuntime, type Pod, type PodSpec, type Runtime } from "../kit/runtime";
import type { Lab, Stage } from "../kit/lab";
import { showLostUplink } from "./lost";
import { showLan, showNothingTranslated, showReturns, showUplinks } from "./paths";
import { configureRouter, showOtherFormats, takeRouterBack } from "./router";
import {
  buildNet,
  OFFICE,
  PICTURE,
  POOLS,
  VPN_POOLS,
  writeConflist,
  type Net,
  type Pair,
} from "./topology";

const PODS: readonly (PodSpec & { readonly pools: Pair })[] = [
  { pod: "web/shop-0", pools: POOLS },
  { pod: "media/player-0", annotations: { "tenant.routing/fwmark": "vpn" }, pools: VPN_POOLS },
];

/** A pod that is attached. */
export interface Attached {
  readonly machine: Pod;
  readonly addresses: Pair;
}

/** What the steps work with. */
export interface Scene {
  readonly stage: Stage;
  readonly net: Net;
  readonly conflist: string;
  /** The printed script. */
  readonly script: string;
  /** Without a tenant. */
  readonly shop: Attached;
  /** Of the tenant vpn. */
  readonly player: Attached;
}

export const sourcePool: Lab = {
  picture: PICTURE,
  programs: ["iptables", "ip6tables"],
  plugins: ["ptp", "host-local"],
  play,
};

async function play(stage: Stage): Promise<void> {
  const net = await buildNet(stage);
  const conflist = writeConflist(stage);
  await startResponder(stage, net.internet, 80, "server");
  await startResponder(stage, net.nas, 80);
  await startResponder(stage, net.isp.beyond, 80, "office");
  await showNode(stage, net, conflist);
  const runtime = createRuntime(stage, net.node, conflist);
  const pods = await attach(stage, runtime);
  if (pods === undefined) return stage.story.say("Without the pods there is nothing more to show.");
  const { script, undo } = await configureRouter(stage, net, conflist);
  const scene: Scene = { stage, net, conflist, script, ...pods };
  await showOtherFormats(scene);
  for (const step of [showUplinks, showNothingTranslated, showLan, showReturns, showLostUplink])
    await step(scene);
  if (stage.keep) return;
  await takeRouterBack(scene, undo);
  await takeDown(scene, runtime);
}

async function showNode(stage: Stage, { node }: Net, conflist: string): Promise<void> {
  const { story } = stage;
  story.heading("One conflist for the node and for the router behind it");
  await node.show(["cat", conflist], { as: "cat source-pool.conflist" });
  story.say(
    "The tenant has no table and no gateways: this node only gives its pods other addresses.",
    `The office (${OFFICE.join(", ")}) is on the LAN list, but the router has no route to it except its default.`,
  );
}

async function attach(
  stage: Stage,
  runtime: Runtime,
): Promise<Pick<Scene, "shop" | "player"> | undefined> {
  const { story } = stage;
  story.heading("Two pods: the tenant's patch of the delegate chooses the pool");
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
      !story.claim(`${spec.pod} has its addresses from ${spec.pools.join(" and ")}`, ok && inPools)
    )
      return undefined;
    attached.push({ machine, addresses: [v4, v6] });
    await startResponder(stage, machine, 80);
  }
  const [shop, player] = attached as [Attached, Attached];
  return { shop, player };
}

async function takeDown(
  { stage: { story, dir }, shop, player }: Scene,
  runtime: Runtime,
): Promise<void> {
  story.heading("The pods are deleted: each pool gets its addresses back");
  const leases = (): number =>
    readdirSync(join(dir, "ipam", "source-pool")).filter((name) => /^[0-9a-f]+[.:]/.test(name))
      .length;
  const before = leases();
  for (const { machine } of [shop, player]) {
    const { ok } = await runtime.del(machine);
    story.claim(`DEL of ${machine.spec.pod} succeeds`, ok);
  }
  story.claim(
    `no address of either pool is in use any more (${before} were, ${leases()} are)`,
    before === 4 && leases() === 0,
  );
}
