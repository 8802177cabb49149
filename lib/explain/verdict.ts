/** Pure: how the way ends, as the rest of a sentence. */
import { carries, formatMark } from "../net/mark";
import type { PathFacts, Step } from "./model";
import { findingsIn } from "./step";
import { leavingText } from "../net/hop";
import { routedOf } from "./steps/route";

/** `leaves by 10.10.10.131 on eth1 as tenant-a`. */
export function endOf(facts: PathFacts, steps: readonly Step[]): string {
  const { way, pod } = facts;
  const probe = probeEnd(steps);
  if (isDropped(steps)) return "is dropped on this node";
  if ("refused" in way) return "is stopped on this node";
  if (way.local) return "ends on this node";
  const who = pod.tenant ?? (pod.mark === undefined ? undefined : formatMark(pod.mark));
  if (who !== undefined)
    return `${ownEnd(facts, steps, { who, hop: leavingText(way.via, way.dev) })}${probe}`;
  const usual = way.via === undefined ? "" : "by the node's default route, ";
  return `leaves ${usual}by ${leavingText(way.via, way.dev)}, no tenant${probe}`;
}

function ownEnd(
  facts: PathFacts,
  steps: readonly Step[],
  names: { readonly who: string; readonly hop: string },
): string {
  const { who, hop } = { ...names, hop: `by ${names.hop}` };
  if (!isOnItsWay(facts)) return `leaves ${hop}, NOT as ${who}`;
  if (isFailed(steps, "gateway")) return `is sent out ${hop} as ${who}, and lost there`;
  if (isFailed(steps, "reply")) return `leaves ${hop} as ${who}, and its answers are lost`;
  return `leaves ${hop} as ${who}`;
}

/** With its mark, and by a gateway of its tenant where it has a table. */
function isOnItsWay(facts: PathFacts): boolean {
  const { pod, marked, way } = facts;
  if (pod.mark !== undefined && !carries(marked.value, pod.mark)) return false;
  const { tenant, gateways, excluded } = routedOf(facts);
  if (tenant === undefined || excluded || "refused" in way) return true;
  return gateways.some(({ via, dev }) => via === way.via && dev === way.dev);
}

/** What the probe says on top of it. */
function probeEnd(steps: readonly Step[]): string {
  const kinds = findingsIn(steps).map(({ kind }) => kind);
  if (kinds.includes("path-stopped-live")) return "; the probe packet was lost on this node";
  if (kinds.includes("path-answer-lost")) return "; its answer was lost on this node";
  if (kinds.includes("path-no-answer")) return "; no answer came back";
  const isAnswered = steps.some(({ name, state }) => name === "probe" && state === "ok");
  return isAnswered ? ", and the answer came back" : "";
}

function isFailed(steps: readonly Step[], name: string): boolean {
  return steps.some((step) => step.name === name && step.state === "failed");
}

/** True when a rule of a firewall, or the guard, ends the packet. */
function isDropped(steps: readonly Step[]): boolean {
  return steps.some(
    ({ name, state, finding, steps: below = [] }) =>
      finding?.kind === "path-dropped" ||
      (name === "guard" && state === "failed") ||
      isDropped(below),
  );
}
