/** What the steps of the lab `bare-bridge` work with. */
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
  readonly configurations: readonly [string, string];
  readonly pods: readonly [one0: Attached, one1: Attached, web: Attached, two: Attached];
}
