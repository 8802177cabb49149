/** What the steps of the lab `bare-bridge` work with. */
import type { Setup } from "../kit/lab";
import type { Attached } from "../kit/runtime";
import type { Topology } from "./topology";

export interface Fixture {
  readonly setup: Setup;
  readonly topology: Topology;
  readonly configurations: readonly [string, string];
  readonly pods: readonly [one0: Attached, one1: Attached, web: Attached, two: Attached];
}
