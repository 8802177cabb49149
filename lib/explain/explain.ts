/** Pure: the way of one new connection, from what is known of the node. */
import type { Explanation, PathFacts, Step } from "./model";
import { firstOf, worstOf } from "./step";
import { gatewaySteps } from "./steps/gateway";
import { leaveSteps } from "./steps/leave";
import { markStep } from "./steps/mark";
import { podStep } from "./steps/pod";
import { replySteps } from "./steps/reply";
import { routeStep } from "./steps/route";
import { destinationText } from "./destination";
import { endOf } from "./verdict";

/** The way as a tree, with what was seen of a `probe` at its end. */
export function explain(facts: PathFacts, probe: readonly Step[] = []): Explanation {
  const { packet, pod } = facts;
  const steps = [
    podStep(facts),
    markStep(facts),
    routeStep(facts),
    ...gatewaySteps(facts),
    ...leaveSteps(facts),
    ...replySteps(facts),
    ...probe,
  ];
  const destination = { family: packet.family, address: packet.to, port: packet.port };
  return {
    pod: pod.pod,
    destination,
    verdict: `${pod.pod} -> ${destinationText(destination)} ${endOf(facts, steps)}`,
    state: worstOf(steps),
    steps,
    first: firstOf(steps),
  };
}
