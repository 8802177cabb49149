/** Pure: which rule, table and gateway the packet takes. */
import type { Finding } from "../../checks/finding";
import { isIn, routedTenants } from "../../routes/plan/desired";
import { gatewaysOfWay, longestMatch, waysOf } from "../../routes/plan/ways";
import type { RoutedTenant } from "../../routes/plan/tenant-routes";
import { ruleKey } from "../../routes/changes/identity";
import { TABLE_LOCAL, type IpRoute, type IpRule, type ResolvedGateway } from "../../routes/model";
import { quotedRoute, routeRemoval, ruleRemoval, ruleText } from "../../routes/text";
import { lookUp, type Decided } from "../lookup";
import { leavingText } from "../../net/hop";
import { carries } from "../../net/mark";
import type { PathFacts, Step } from "../model";
import { fromLateLocal, fromRoutes } from "../route-findings";
import { fine, firstOf, group, judged, pathFinding } from "../step";

/** What the steps share: the tenant, if it has a table, and what decides. */
interface Routed {
  readonly tenant: RoutedTenant | undefined;
  /** The networks with gateways of their own that the destination is in; undefined: the tenant's own are for it. */
  readonly to: string | undefined;
  /** Gateways of the tenant for this destination, those behind them too where all of these are lost. */
  readonly gateways: readonly ResolvedGateway[];
  readonly decided: Decided | undefined;
  /** Whether a rule of the plan sends the packet past the tenant's table on purpose. */
  readonly excluded: boolean;
}

/** Forwarding, rule, table and what the kernel makes of them. */
export function routeStep(facts: PathFacts): Step {
  const routed = routedOf(facts);
  const before = [...forwardingSteps(facts), ruleStep(facts, routed), ...tableSteps(facts, routed)];
  const explained = firstOf(before)?.severity === "failed";
  const steps = [...before, wayStep(facts, routed, explained)];
  return group("route", wayText(facts), steps);
}

/** The tenant of the pod, if the node routes know it, and what the plan has for the packet. */
export function routedOf({ conf, pod, packet, routes, marked }: PathFacts): Routed {
  const { plan, state } = routes;
  const tenant = routedTenants(conf).find(({ name }) => name === pod.tenant);
  const decided = lookUp(state, { ...packet, mark: marked.value });
  const ours = plan.rules.find(
    ({ item }) => decided !== undefined && ruleKey(item) === ruleKey(decided.rule),
  );
  return {
    tenant,
    ...waysFor(tenant, packet, plan.gateways),
    decided,
    excluded:
      decided?.rule.table === TABLE_LOCAL || (ours !== undefined && ours.tenant === undefined),
  };
}

/** The longest prefix wins. */
function waysFor(
  tenant: RoutedTenant | undefined,
  { to: address, family }: PathFacts["packet"],
  all: readonly ResolvedGateway[],
): Pick<Routed, "to" | "gateways"> {
  if (tenant === undefined) return { to: undefined, gateways: [] };
  const [own, ...others] = waysOf(tenant).map((way) => ({
    way,
    gateways: gatewaysOfWay(all, { tenant: tenant.name, to: way.to }).filter(
      (each) => each.family === family,
    ),
  }));
  const [best] = others
    .map((each) => ({ ...each, length: longestMatch(each.way, address) }))
    .filter(({ length }) => length > 0)
    .sort((a, b) => b.length - a.length);
  if (best === undefined) return { to: undefined, gateways: own?.gateways ?? [] };
  const isLost = best.gateways.every(({ unusable }) => unusable !== undefined);
  const behind = isLost && best.way.onGatewayLoss === "fallback" ? (own?.gateways ?? []) : [];
  return { to: best.way.to, gateways: [...best.gateways, ...behind] };
}

/** Without forwarding the kernel refuses before it looks anywhere. */
function forwardingSteps(facts: PathFacts): readonly Step[] {
  const { packet, routes } = facts;
  if (packet.from === undefined) return [];
  const path = packet.family === 4 ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding";
  const found = routes.findings.find(
    (each) => each.kind === "forwarding-off" && each.path === path,
  );
  const value = routes.state.sysctl(path) ?? "?";
  return [
    judged("forwarding", `${value}`, found === undefined ? undefined : fromRoutes(found, facts)),
  ];
}

function ruleStep(facts: PathFacts, routed: Routed): Step {
  const { routes, packet, pod } = facts;
  const { decided, tenant } = routed;
  const what = decided === undefined ? "none decides" : ruleText(decided.rule);
  const wrong = tenant === undefined ? undefined : ruleFault(facts, routed, tenant);
  if (wrong !== undefined) return judged("ip rule", what, wrong);
  const late = routes.collisions.find(
    (each) => each.kind === "priority" && "family" in each && each.family === packet.family,
  );
  return judged(
    "ip rule",
    what,
    late?.kind === "priority" && pod.mark !== undefined ? fromLateLocal(late) : undefined,
  );
}

function ruleFault(facts: PathFacts, routed: Routed, tenant: RoutedTenant): Finding | undefined {
  const { routes, packet, pod, option, marked } = facts;
  const wanted = routes.plan.rules.find(
    ({ item }) => item.family === packet.family && item.table === tenant.table,
  )?.item;
  const at = wanted === undefined ? -1 : indexOf(routes.state.rules, wanted);
  if (wanted !== undefined && at < 0) {
    const about = { pod: pod.pod, tenant: tenant.name, option, rule: ruleText(wanted) };
    return pathFinding("path-rule-missing", about, pod.pod);
  }
  const { decided, excluded } = routed;
  if (decided === undefined || !carries(marked.value, tenant.mark)) return undefined;
  const broad = broadRoute(facts, decided);
  if (broad !== undefined || excluded) return broad;
  return indexOf(routes.state.rules, decided.rule) < at
    ? overtaken(facts, decided.rule, tenant.name)
    : undefined;
}

/** A route of the main table that takes what is the tenants'. */
function broadRoute(facts: PathFacts, { route }: Decided): Finding | undefined {
  const found = facts.routes.findings.find(
    (each) =>
      (each.kind === "half-default" && each.routes.some((other) => other === route)) ||
      (each.kind === "main-refuses" && each.route === route),
  );
  return found === undefined ? undefined : { ...fromRoutes(found, facts), severity: "failed" };
}

function overtaken(facts: PathFacts, rule: IpRule, tenant: string): Finding {
  const { routes, pod } = facts;
  const before = routes.findings.find(
    (each) => each.kind === "rule-before" && ruleKey(each.rule) === ruleKey(rule),
  );
  if (before !== undefined) return { ...fromRoutes(before, facts), severity: "failed" };
  const about = { pod: pod.pod, tenant, rule: ruleText(rule), removal: ruleRemoval(rule) };
  return pathFinding("path-rule-overtaken", about, pod.pod);
}

function indexOf(rules: readonly IpRule[], wanted: IpRule): number {
  return rules.findIndex((rule) => ruleKey(rule) === ruleKey(wanted));
}

function tableSteps(
  facts: PathFacts,
  { tenant, to, gateways, decided, excluded }: Routed,
): readonly Step[] {
  const { routes, packet, pod, option } = facts;
  if (tenant === undefined) return [];
  if (excluded && decided?.route !== undefined)
    return [fine("table", `of ${tenant.name} is not asked: ${routeText(decided.route)} is better`)];
  const { name, table } = tenant;
  const there = routes.state.routes.filter(
    (route) => route.table === table && route.family === packet.family,
  );
  const whose = to === undefined ? String(table) : `${table}, by the gateways to ${to}`;
  const what = `${whose}: ${there.map(routeText).join("; ") || "empty"}`;
  const unusable = routes.findings.find(
    (each) => "gateway" in each && gateways.includes(each.gateway),
  );
  const usable = gateways.filter(({ unusable: why }) => why === undefined);
  if (usable.length === 0) return [withoutGateway(facts, what, unusable)];
  if (!there.some(({ type, dst }) => type === "unicast" && isIn(dst, packet.to))) {
    const about = { pod: pod.pod, tenant: name, table, family: packet.family, option };
    return [judged("table", what, pathFinding("path-table-empty", about, name))];
  }
  return [
    judged(
      "table",
      what,
      unusable === undefined ? undefined : { ...fromRoutes(unusable, facts), severity: "warning" },
    ),
  ];
}

function withoutGateway(
  facts: PathFacts,
  what: string,
  unusable: PathFacts["routes"]["findings"][number] | undefined,
): Step {
  const { routes, pod, packet } = facts;
  const none = routes.findings.find(
    (each) => each.kind === "no-gateway" && each.tenant === pod.tenant,
  );
  const found = unusable ?? none;
  return found === undefined
    ? fine("table", `${what}: no IPv${packet.family} gateway, so it is stopped on purpose`)
    : judged("table", what, fromRoutes(found, facts));
}

/** `explained`: a step before this one says why the packet does not go where it should. */
function wayStep(facts: PathFacts, routed: Routed, explained: boolean): Step {
  const { way, pod, packet } = facts;
  const { tenant, gateways, excluded } = routed;
  const what = wayText(facts);
  if ("refused" in way) {
    if (explained) return { name: "kernel", what, state: "failed" };
    if (tenant !== undefined && gateways.length === 0) return fine("kernel", what);
    const about = { pod: pod.pod, to: packet.to, why: way.refused, family: packet.family };
    return judged("kernel", what, pathFinding("path-refused", about, pod.pod));
  }
  const isOwn = gateways.some(({ via, dev }) => via === way.via && dev === way.dev);
  if (tenant === undefined || excluded || isOwn) return fine("kernel", what);
  return explained || !carries(facts.marked.value, tenant.mark)
    ? { name: "kernel", what, state: "failed" }
    : judged("kernel", what, wrongGateway(facts, routed, tenant));
}

function wrongGateway(
  { pod, way, option, packet }: PathFacts,
  { gateways, decided }: Routed,
  tenant: RoutedTenant,
) {
  const foreign = decided?.route === undefined ? "" : `${routeRemoval(decided.route)} && `;
  return pathFinding(
    "path-wrong-gateway",
    {
      pod: pod.pod,
      tenant: tenant.name,
      have: "refused" in way ? "none" : leavingText(way.via, way.dev),
      want:
        gateways.map(({ via, dev = "?" }) => leavingText(via, dev)).join(" or ") ||
        `an IPv${packet.family} gateway`,
      remedy: `${foreign}wrapper routes apply${option}`,
    },
    pod.pod,
  );
}

function wayText({ way }: PathFacts): string {
  if ("refused" in way) return `refused (${way.refused})`;
  if (way.local) return "to the node itself";
  return leavingText(way.via, way.dev);
}

/** The route in short: without its table, which is named beside it, and its protocol. */
function routeText(route: IpRoute): string {
  return quotedRoute(route)
    .slice(1, -1)
    .replace(/^ip -[46] route /, "")
    .replace(/ table \S+/, "")
    .replace(/ protocol \S+/, "");
}
