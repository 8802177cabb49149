/** Pure: collisions and findings of links. */
import type { LinksPlan } from "../links/plan";
import type { Collision, Finding } from "./kinds";

/** What foreign links are in the way of. */
export function linkCollisions({ obstacles }: LinksPlan): readonly Collision[] {
  return obstacles.map((obstacle): Collision => ({ tenant: undefined, ...obstacle }));
}

/** Links that wait for others, and MTUs that do not fit. */
export function linkFindings({ waiting, large }: LinksPlan): readonly Finding[] {
  return [
    ...waiting.map((facts): Finding => ({ kind: "link-waits", tenant: undefined, ...facts })),
    ...large.map((facts): Finding => ({ kind: "link-mtu", tenant: undefined, ...facts })),
  ];
}
