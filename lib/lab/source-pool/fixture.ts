/** What the steps of the lab `source-pool` work with. */
import type { Pair } from "../kit/families";
import type { Setup } from "../kit/lab";
import type { Pod } from "../kit/runtime";
import type { Topology } from "./topology";

/** A pod that is attached. */
export interface Attached {
  readonly machine: Pod;
  readonly addresses: Pair;
}

export interface Fixture {
  readonly setup: Setup;
  readonly topology: Topology;
  readonly conflist: string;
  /** The printed script. */
  readonly script: string;
  /** Without a tenant. */
  readonly shop: Attached;
  /** Of the tenant vpn. */
  readonly player: Attached;
}
