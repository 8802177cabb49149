/** What the steps of the lab `tenants` work with, and what several of them do. */
import type { Setup } from "../kit/lab";
import type { Ran } from "../kit/shell";
import type { Attached, Runtime } from "../kit/runtime";
import type { ApiServer } from "../kit/api/server";
import type { Topology } from "./topology";

export interface Fixture {
  readonly setup: Setup;
  readonly topology: Topology;
  readonly conflist: string;
  readonly runtime: Runtime;
  /** Where the pods' annotations are; undefined: the runtime passes them. */
  readonly api: ApiServer | undefined;
  /** `ip rule` of both families before anything was done to the node. */
  readonly rulesBefore: string;
  /** Of tenant A. */
  readonly web: Attached;
  /** Of tenant B. */
  readonly api0: Attached;
  /** Without a tenant. */
  readonly plain: Attached;
}

/** The node's own rules, as shown and as compared. */
export const RULES = "ip rule; ip -6 rule";

/** `wrapper routes apply`, its output only when it fails. */
export async function applyRoutes(
  { wrapper }: Setup,
  node: Topology["node"],
  conflist: string,
): Promise<boolean> {
  const args = ["routes", "apply", "--conf", conflist, "--sysctl"];
  return (await wrapper(node, args, { silent: true })).status === 0;
}

/** `wrapper check` of all pods, or of the one named. */
export function runCheck(
  { setup, topology: { node }, conflist }: Fixture,
  ...pod: readonly string[]
): Promise<Ran> {
  const args = ["check", "--conf", conflist, "--cni-path", setup.cniPath.join(":"), ...pod];
  const shown = ["wrapper check --conf tenants.conflist", ...pod].join(" ");
  return setup.wrapper(node, args, { as: shown });
}
