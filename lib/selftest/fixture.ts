/** What the properties work with. */
import type { PluginConf } from "../../conf/types";
import { call, startResponder, target, type Call } from "../lab/kit/calls";
import type { CniRan, Pod, PodSpec, Runtime } from "../lab/kit/runtime";
import type { Setup } from "../lab/kit/lab";
import { FAMILIES, type Family } from "../net/family";
import { at } from "./addresses";
import type { Results } from "./results";
import { PORT, type Topology } from "./topology";
import type { TestTenant } from "./tenants";

/** A pod that is attached, with its addresses by family. */
export interface Attached {
  readonly pod: Pod;
  readonly addresses: { readonly [family in Family]: string | undefined };
}

/** A tenant and its pod. */
export interface Tested extends TestTenant {
  readonly attached: Attached;
  /** Families that the pod has an address of. */
  readonly families: readonly Family[];
  /** The node's port that portmap leads to the pod, where there is portmap. */
  readonly hostPort: number;
}

export interface Fixture {
  readonly setup: Setup;
  readonly topology: Topology;
  readonly conf: PluginConf;
  /** The copy of the conflist, without a kubeconfig. */
  readonly conflist: string;
  readonly runtime: Runtime;
  readonly results: Results;
  /** Whether portmap is in the chain and publishes ports. */
  readonly portmap: boolean;
  /** In the order of their ADD. */
  readonly tested: readonly Tested[];
  /** A pod without a tenant. */
  readonly plain: Attached;
}

/** The annotation that selects the tenant. */
export function annotate(
  { annotationKeys }: Pick<PluginConf, "annotationKeys">,
  value: string,
): Readonly<Record<string, string>> {
  return { [annotationKeys[0] ?? ""]: value };
}

export interface Attempt {
  readonly pod: Pod;
  readonly ran: CniRan;
  /** undefined: ADD failed. */
  readonly attached: Attached | undefined;
}

/** A new pod and its ADD. With `answers` it answers calls. */
export async function attach(
  setup: Setup,
  runtime: Runtime,
  spec: PodSpec,
  answers = true,
): Promise<Attempt> {
  const pod = await runtime.sandbox(spec);
  const ran = await runtime.add(pod);
  if (!ran.ok) return { pod, ran, attached: undefined };
  const addresses = {
    4: ran.addresses.find((address) => !address.includes(":")),
    6: ran.addresses.find((address) => address.includes(":")),
  };
  if (answers) await startResponder(setup, pod, PORT);
  return { pod, ran, attached: { pod, addresses } };
}

/** Families that the pod has an address of. */
export function familiesOf({ addresses }: Attached): readonly Family[] {
  return FAMILIES.filter((family) => addresses[family] !== undefined);
}

/** Calls one of the test's addresses and shows nothing. */
export function ask(
  { setup }: Pick<Fixture, "setup">,
  from: Pod | Topology["node"],
  address: string,
  port = PORT,
): Promise<Call> {
  return call(setup, from, target(address, port), { quiet: true });
}

/** The address of the family of a pair. */
export function pick(pair: readonly [string, string], family: Family): string {
  return pair[at(family)];
}

/** Runs a check for each tenant and family, in turn for the tenants, at once for the families. */
export async function forEachFamily(
  tested: readonly Tested[],
  check: (one: Tested, family: Family) => Promise<void>,
): Promise<void> {
  for (const one of tested) await Promise.all(one.families.map((family) => check(one, family)));
}
