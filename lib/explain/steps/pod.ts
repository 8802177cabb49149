/** Pure: who the pod is, and which tenant it has. */
import { formatMark, sameMark } from "../../net/mark";
import type { PathFacts, Step } from "../model";
import { fromRoutes } from "../route-findings";
import { fine, group, judged, pathFinding } from "../step";

/** The pod, its annotation and its tenant. */
export function podStep(facts: PathFacts): Step {
  const { pod, packet } = facts;
  if (pod.containerId === undefined)
    return group("pod", `${pod.pod}, on the node's own network`, [
      fine("annotation", pod.unrecorded ?? "none"),
      fine("tenant", "none"),
    ]);
  const where = `${pod.ifname ?? "?"} ${packet.from ?? "?"}`;
  const size = pod.mtu === undefined ? "" : `, MTU ${pod.mtu}`;
  return group("pod", `${pod.pod} (${where}${size})`, [
    recordStep(facts, pod.containerId),
    fine("annotation", pod.source ?? "its record does not say"),
    tenantStep(facts),
  ]);
}

function recordStep({ pod, option }: PathFacts, containerId: string): Step {
  const what = `container ${containerId.slice(0, 13)}, marks by ${pod.backend ?? "none"}`;
  const { unfinished } = pod;
  if (unfinished !== undefined)
    return judged(
      "record",
      `its ${unfinished} did not finish`,
      pathFinding("path-unfinished", { pod: pod.pod, verb: unfinished, option }, pod.pod),
    );
  if (pod.netns === undefined)
    return judged(
      "record",
      "its network namespace is gone",
      pathFinding("path-sandbox-gone", { pod: pod.pod, option }, pod.pod),
    );
  return fine("record", what);
}

function tenantStep(facts: PathFacts): Step {
  const { pod, conf, routes } = facts;
  const { mark, tenant } = pod;
  if (mark === undefined) return fine("tenant", "none");
  const what = `${tenant ?? "none"}, mark ${formatMark(mark)}`;
  const retired = routes.findings.find(
    (each) => each.kind === "mark-without-tenant" && sameMark(each.retired.mark, mark),
  );
  if (retired !== undefined) return judged("tenant", what, fromRoutes(retired, facts));
  const table = conf.tenants?.find(({ name }) => name === tenant)?.table;
  return fine("tenant", `${what}${table === undefined ? ", no table" : `, table ${table}`}`);
}
