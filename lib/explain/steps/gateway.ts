/** Pure: the device that the packet leaves by, and the gateway behind it. */
import type { GatewayFacts, PathFacts, Step } from "../model";
import { fromRoutes } from "../route-findings";
import { fine, group, judged, pathFinding, unseen } from "../step";
import { leavingText } from "../../net/hop";

/** Device and gateway; nothing where the packet has no way, or ends on the node. */
export function gatewaySteps(facts: PathFacts): readonly Step[] {
  const { way } = facts;
  if ("refused" in way || way.local) return [];
  const steps = [deviceStep(facts, way.dev), ...nextHopSteps(facts, way)];
  return [group("gateway", leavingText(way.via, way.dev), steps)];
}

function deviceStep(facts: PathFacts, dev: string): Step {
  const { routes, gateway } = facts;
  const link = routes.state.links.find(({ name }) => name === dev);
  const found = routes.findings.find(
    (each) => each.kind === "device-down" && each.gateway.dev === dev,
  );
  const what = `${dev} is ${link?.up === true ? "up" : "down"}, MTU ${link?.mtu ?? "?"}`;
  if (found !== undefined) return judged("device", what, fromRoutes(found, facts));
  return gateway?.carrier === false
    ? judged("device", `${dev} has no carrier`, pathFinding("path-no-carrier", { dev }, dev))
    : fine("device", what);
}

function nextHopSteps(
  { gateway }: PathFacts,
  { via, dev }: { readonly via: string | undefined; readonly dev: string },
): readonly Step[] {
  if (via === undefined) return [fine("next hop", `none: ${dev} leads there`)];
  return gateway === undefined ? [] : [nextHopStep(gateway, via, dev)];
}

function nextHopStep(gateway: GatewayFacts, via: string, dev: string): Step {
  const { answer, why = "no answer", neighbour = "none" } = gateway;
  if (answer === "unknown") return unseen("next hop", `${via} was not asked: ${why}`);
  if (answer === "answered") return fine("next hop", `${via} answers, neighbour ${neighbour}`);
  const found = pathFinding("path-gateway-silent", { via, dev, why, neighbour }, via);
  return judged("next hop", `${via} is silent, neighbour ${neighbour}`, found);
}
