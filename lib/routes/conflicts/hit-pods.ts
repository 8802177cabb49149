/** Pure: whose packets a collision is about. */
import { contains, parsePrefix } from "../../net/address";
import { sameMark } from "../../net/mark";
import type { CarriedMark } from "../model";
import type { Collision } from "./kinds";

/** The collisions with the pods that each hits. */
export function withPods(
  collisions: readonly Collision[],
  carried: readonly CarriedMark[],
): readonly Collision[] {
  return collisions.map((each) => {
    const isHit = hitBy(each);
    if (isHit === undefined) return each;
    return { ...each, pods: [...new Set(carried.filter(isHit).map(({ pod }) => pod))].sort() };
  });
}

/** A rule that marks certain addresses hits the pods that have them; any other those of its tenant. */
function hitBy(collision: Collision): ((pod: CarriedMark) => boolean) | undefined {
  if (collision.kind !== "mark" && collision.kind !== "mask") return undefined;
  const { use, mark } = collision;
  const sources = use.rule?.sources ?? [];
  if (sources.length > 0)
    return ({ addresses }) =>
      addresses
        .map(parsePrefix)
        .some(
          (address) => address !== undefined && sources.some((each) => contains(each, address)),
        );
  return (pod) => sameMark(pod.mark, mark);
}
