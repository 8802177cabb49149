/** What the steps of the lab `source-pool` work with. */
import type { Setup } from "../kit/lab";
import type { Attached } from "../kit/runtime";
import type { Topology } from "./topology";

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
