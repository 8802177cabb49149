/** What the steps of the lab `gateway-pod` work with, and what several of them do. */
import type { Pair } from "../kit/families";
import type { Setup } from "../kit/lab";
import type { Machine } from "../kit/machines";
import type { Pod, Runtime } from "../kit/runtime";
import { shortJson } from "../kit/short-json";
import { type Choice, type Ends, tenantOf, writeNode1, writeNode2 } from "./conflists";
import type { Conflists, Topology } from "./topology";

export interface Fixture {
  readonly setup: Setup;
  readonly topology: Topology;
  readonly conflists: Conflists;
  /** node1's. */
  readonly runtime: Runtime;
  /** Of the tenant. */
  readonly pod: Pod;
  /** The same, as what runs in it sees it: without privileges. */
  readonly client: Machine;
  /** A pod without a tenant. */
  readonly plain: Machine;
}

/** Attaches a pod, and says whether that went well. */
export async function attach({ transcript }: Setup, runtime: Runtime, pod: Pod): Promise<boolean> {
  const {
    ok,
    addresses: [v4 = "", v6 = ""],
  } = await runtime.add(pod);
  return transcript.statement(
    `${pod.spec.pod} is attached, with an IPv4 and an IPv6 address`,
    ok && v4.includes(".") && v6.includes(":"),
  );
}

/** Shows the tenant's part of node1's conflist and applies it; false when that failed. */
export async function configure({ setup, topology }: Fixture, choice: Choice): Promise<boolean> {
  const conf = writeNode1(setup, choice);
  setup.transcript.say("The tenant in node1.conflist:");
  setup.transcript.quote(shortJson({ filtered: tenantOf(choice) }));
  const { status } = await setup.wrapper(
    topology.node1,
    ["routes", "apply", "--conf", conf, "--sysctl"],
    { silent: true },
  );
  return status === 0;
}

/** Applies the node's conflist, and says whether that makes these links and then has nothing left to do. */
export async function makesLinks(
  setup: Setup,
  node: Machine,
  conflist: string,
  links: readonly string[],
): Promise<boolean> {
  const apply = ["routes", "apply", "--conf", conflist, "--sysctl"];
  const made = await setup.wrapper(node, apply);
  const again = await setup.wrapper(node, apply, { silent: true });
  return (
    made.status === 0 &&
    links.every((name) => made.output.includes(`ip link add name ${name} `)) &&
    again.output.includes("changes made: none")
  );
}

/** Joins the networks of the gateways on both nodes; the tenant is as chosen. */
export async function join(
  { setup, topology }: Fixture,
  choice: Choice & { readonly ends: Ends },
): Promise<void> {
  for (const [node, conflist] of [
    [topology.node2, writeNode2(setup, choice.ends)],
    [topology.node1, writeNode1(setup, choice)],
  ] as const)
    setup.transcript.statement(
      `wrapper routes apply makes the VXLAN on ${node.name}, a port of the bridge`,
      await makesLinks(setup, node, conflist, ["vx0"]),
    );
}

/** The addresses that the pod has now, in the order IPv4, IPv6. */
export async function addressesIn(pod: Machine): Promise<Pair> {
  const text = await pod.must(["ip", "-br", "addr", "show", "dev", "eth0", "scope", "global"]);
  const found = text
    .split(/\s+/)
    .filter((word) => word.includes("/"))
    .map((word) => word.split("/")[0] ?? "");
  return [
    found.find((address) => address.includes(".")) ?? "",
    found.find((address) => address.includes(":")) ?? "",
  ];
}
