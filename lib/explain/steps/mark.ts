/** Pure: what marks the packet, and what becomes of the mark. */
import { carries, formatMark, hex } from "../../net/mark";
import type { Counted, MarkFacts, PathFacts, RuleSight, Step } from "../model";
import { blindSpots } from "../marked";
import { fine, group, judged, pathFinding, unseen } from "../step";

/** What is in force for the pod's address, and what other rules do to its packets. */
export function markStep(facts: PathFacts): Step {
  const { value } = facts.marked;
  const steps = [
    ...(facts.marks === undefined ? [] : ownSteps(facts, facts.marks)),
    othersStep(facts),
    ...trackingSteps(facts),
    ...blindSpots(facts.firewall).map((text) => unseen("not seen", text)),
  ];
  return group("mark", value === 0 ? "none" : `${hex(value)} when it is routed`, steps);
}

function ownSteps({ pod, option }: PathFacts, marks: MarkFacts): readonly Step[] {
  const { drifts, counted, shared } = marks;
  const { mark } = pod;
  const tenant = pod.tenant ?? (mark === undefined ? "no tenant" : formatMark(mark));
  const worst = drifts.find(({ ofMark }) => ofMark) ?? drifts[0];
  if (worst === undefined) {
    const whose = shared ? " of all pods with it" : "";
    return mark === undefined
      ? []
      : [fine("rule", `sets ${formatMark(mark)}, ${countText(counted)}${whose}`)];
  }
  const kind = worst.ofMark && worst.kind === "missing" ? "path-mark-missing" : "path-mark-wrong";
  const about = { pod: pod.pod, tenant, text: worst.text, option };
  return [judged("rule", worst.text, pathFinding(kind, about, pod.pod))];
}

function othersStep({ pod, marked }: PathFacts): Step {
  const { spoiltBy, maybe, dropped, value } = marked;
  if (dropped !== undefined)
    return judged(
      "other rules",
      `dropped before it is routed, by ${whereText(dropped)}`,
      pathFinding("path-dropped", { ...dropped, pod: pod.pod }, pod.pod),
    );
  const { mark } = pod;
  if (spoiltBy !== undefined && mark !== undefined && !carries(value, mark)) {
    const tenant = pod.tenant ?? formatMark(mark);
    const facts = { ...spoiltBy, pod: pod.pod, tenant, mark, have: value };
    return judged(
      "other rules",
      `the mark becomes ${hex(value)} by ${whereText(spoiltBy)}`,
      pathFinding("path-mark-spoilt", facts, pod.pod),
    );
  }
  return maybe.length === 0
    ? fine("other rules", "none changes the mark")
    : unseen(
        "other rules",
        `may change the mark or drop it, it is not known: ${maybe.map(whereText).join("; ")}`,
      );
}

function trackingSteps({ pod, marked: { untracked } }: PathFacts): readonly Step[] {
  if (untracked === undefined) return [];
  const facts = { ...untracked, pod: pod.pod };
  return [
    judged(
      "tracking",
      `none, because of ${whereText(untracked)}`,
      pathFinding("path-untracked", facts, pod.pod),
    ),
  ];
}

/** `"-A PREROUTING ..." of iptables-nft mangle PREROUTING`. */
export function whereText({ where, text }: RuleSight): string {
  return `"${text}" of ${where}`;
}

/** `12 packets, 840 bytes`. */
export function countText(counted: Counted | undefined): string {
  if (counted === undefined) return "no counter";
  const { packets, bytes } = counted;
  return `${packets} packet${packets === 1 ? "" : "s"}, ${bytes} bytes`;
}
