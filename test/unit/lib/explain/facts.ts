/** A pod of tenant a on a node on paper, whose way is as it should be. */
import type { PluginConf } from "../../../../conf/types";
import type { Explanation, PathFacts, Step } from "../../../../lib/explain/model";
import { findFindings } from "../../../../lib/routes/conflicts/findings";
import { desiredRoutes } from "../../../../lib/routes/plan/desired";
import type { NodeState } from "../../../../lib/routes/model";
import { confOf, connected, KERNEL_RULES, link, route, stateOf } from "../routes/node-rig";

export const POD = "10.88.0.2";
export const MARK = { value: 0x10, mask: 0xff };
export const CONF: PluginConf = confOf();

/** The node after `routes apply`, with a route to the pod. */
export function node(change: Partial<NodeState> = {}): NodeState {
  const bare = stateOf({
    families: [4, 6],
    links: [link("eth0", "198.51.100.2"), link("eth1", "192.0.2.9"), link("veth1", "10.88.0.1")],
    routes: [
      route("default"),
      connected("192.0.2.0/24", "eth1"),
      connected("198.51.100.0/24", "eth0"),
      connected(POD, "veth1"),
    ],
  });
  const plan = desiredRoutes(CONF, bare);
  const rules = [...KERNEL_RULES, ...plan.rules.map(({ item }) => item)];
  return {
    ...bare,
    rules: rules.sort((a, b) => a.priority - b.priority),
    routes: [...bare.routes, ...plan.routes.map(({ item }) => item)],
    ...change,
  };
}

export function factsWith(change: Partial<PathFacts> = {}, state = node()): PathFacts {
  const plan = desiredRoutes(CONF, state);
  return {
    conf: CONF,
    option: "",
    pod: {
      pod: "team-a/web-0",
      containerId: "c".repeat(64),
      unrecorded: undefined,
      unfinished: undefined,
      source: "pod annotation tenant.routing/fwmark",
      tenant: "a",
      mark: MARK,
      markReplies: false,
      backend: "nft",
      netns: "/run/netns/pod",
      ifname: "eth0",
      mtu: 1500,
    },
    packet: { family: 4, from: POD, to: "203.0.113.9", port: undefined, iif: "veth1" },
    marks: {
      drifts: [],
      installed: [],
      counted: { packets: 12, bytes: 840 },
      shared: false,
      guard: undefined,
    },
    firewall: { saved: [], nft: undefined, nftProblem: undefined },
    routes: {
      plan,
      state,
      findings: findFindings({ conf: CONF, plan, state }),
      collisions: [],
      hasNat: false,
    },
    marked: {
      value: 0x10,
      spoiltBy: undefined,
      maybe: [],
      dropped: undefined,
      untracked: undefined,
    },
    way: { dev: "eth1", via: "192.0.2.1", table: 100, local: false },
    gateway: { neighbour: "REACHABLE", carrier: true, answer: "answered", why: undefined },
    back: { dev: "veth1", via: undefined, table: undefined, local: false },
    ...change,
  };
}

function flat(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((step) => [step, ...flat(step.steps ?? [])]);
}

/** What the step of this name says. */
export function what(explanation: Explanation, name: string): string | undefined {
  return flat(explanation.steps).find((step) => step.name === name)?.what;
}
