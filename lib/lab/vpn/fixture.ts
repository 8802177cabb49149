/** What the steps of the lab `vpn` work with. */
import type { Setup } from "../kit/lab";
import type { Pod, Runtime } from "../kit/runtime";
import type { Topology } from "./topology";

/** The fwmark plugin's own annotation. */
export const NAME = "cni.fwmark.net/name";
/** A pod that is attached. */
export interface Attached {
  readonly machine: Pod;
  readonly address: string;
}

export interface Fixture {
  readonly setup: Setup;
  readonly topology: Topology;
  readonly conflist: string;
  readonly runtime: Runtime;
  readonly pods: readonly [player: Attached, shop: Attached, office: Attached];
}
