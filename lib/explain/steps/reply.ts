/** Pure: the way of the answer back to the pod. */
import type { PathFacts, Step } from "../model";
import { fromRoutes } from "../route-findings";
import { fine, group, judged, pathFinding } from "../step";

/** The reverse-path filter and the route to the pod; nothing for packets that do not leave, or are the node's own. */
export function replySteps(facts: PathFacts): readonly Step[] {
  const { way, packet, pod } = facts;
  if ("refused" in way || way.local || packet.from === undefined) return [];
  const filter = packet.family === 4 ? [filterStep(facts, way.dev)] : [];
  const back = backStep(
    facts,
    way.dev,
    filter.some(({ state }) => state === "failed"),
  );
  const marks =
    pod.mark === undefined
      ? []
      : [
          fine(
            "clients",
            pod.markReplies
              ? "answers to clients of the pod keep the mark"
              : "answers to clients of the pod go without the mark, the way that they came",
          ),
        ];
  return [group("reply", `comes in on ${way.dev}`, [...filter, back, ...marks])];
}

function filterStep(facts: PathFacts, dev: string): Step {
  const { routes } = facts;
  const value = (name: string): string =>
    routes.state.sysctl(`net/ipv4/conf/${name}/rp_filter`) ?? "?";
  const found =
    routes.findings.find((each) => each.kind === "strict-rp-filter" && each.dev === dev) ??
    routes.findings.find((each) => each.kind === "no-default-route" && each.devices.includes(dev));
  return judged(
    "rp_filter",
    `${value(dev)} on ${dev}, ${value("all")} on all`,
    found === undefined ? undefined : fromRoutes(found, facts),
  );
}

/** `explained`: the filter before it says why. */
function backStep({ back, pod, packet }: PathFacts, dev: string, explained: boolean): Step {
  if (back === undefined) return fine("way back", "not asked");
  const why =
    "refused" in back
      ? back.refused
      : back.dev === packet.iif
        ? undefined
        : `the node sends it to ${back.dev}`;
  if (why === undefined) return fine("way back", `to ${packet.iif ?? "?"}`);
  if (explained) return { name: "way back", what: why, state: "failed" };
  return judged(
    "way back",
    why,
    pathFinding("path-reply-lost", { pod: pod.pod, dev, why }, pod.pod),
  );
}
