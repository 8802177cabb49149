/** The checks of the tenants' rules, tables and gateways. */
import { CniError } from "../../cni/error";
import type { PluginConf } from "../../../conf/types";
import { errorText } from "../../routes/text";
import { collisionsOf, findingsOf, look, type RoutesNode } from "../../routes/apply";
import { type RoutesView, unreadOf } from "../../routes/carry-out";
import type { ResolvedGateway } from "../../routes/model";
import { asksForRoutes, routedTenants } from "../../routes/plan/desired";
import { eachOnce } from "../../routes/plan/gateways";
import type { Probes } from "../../routes/watch/probe";
import { healthByWatcher, type WatcherLock } from "../../routes/watch/watcher-lock";
import { findingOf, type Finding } from "../finding";
import { ROUTES } from "../kinds/routes";
import type { Check, Looked } from "../run";
import { collisionFinding, routeFinding } from "./adapt";
import { differences } from "./differences";

export interface RoutesNodeView {
  /** Throws when there is no conflist. */
  readonly conf: () => PluginConf;
  readonly node: (conf: PluginConf) => WatchedNode;
  readonly probes: Probes;
}

/** The node, and who may watch its routes: gateways count as a watcher has them, else each would undo what the other does. */
export interface WatchedNode extends RoutesNode {
  readonly watcherLock: Pick<WatcherLock, "watcher">;
}

/** How long a gateway may take to answer (ms). */
const PROBE_MS = 700;
const UNROUTED = 'no tenant has a "table"';

/** The checks of this category. All of them look at the kernel once. */
export function routesChecks(view: RoutesNodeView): readonly Check[] {
  let seen: Promise<RoutesView> | undefined;
  const seeOnce = (conf: PluginConf, node: WatchedNode): Promise<RoutesView> =>
    (seen ??= see(conf, node));
  const check = (name: string, body: (sight: Sight) => Promise<Looked>): Check => ({
    ...{ name, category: "routes", local: true },
    look: async () => {
      const conf = view.conf();
      if (!asksForRoutes(conf)) return { findings: [], skipped: UNROUTED };
      const node = view.node(conf);
      return body({ conf, node, routes: await seeOnce(conf, node) });
    },
  });
  return [
    check("node routes", async (sight) => lookAtRoutes(sight)),
    check("collisions", async ({ conf, node, routes }) => ({
      findings: (await collisionsOf(conf, node, routes)).map(collisionFinding),
    })),
    check("gateways", (sight) => probeGateways(sight, view.probes)),
  ];
}

async function see(conf: PluginConf, node: WatchedNode): Promise<RoutesView> {
  const health = await healthByWatcher(node.watcherLock);
  return look(conf, node, { sysctl: false, asItIs: true, ...health });
}

interface Sight {
  readonly conf: PluginConf;
  readonly node: WatchedNode;
  readonly routes: RoutesView;
}

function lookAtRoutes({ conf, routes }: Sight): Looked {
  const [unread] = unreadOf(routes);
  if (unread !== undefined) throw new CniError("io", errorText(unread));
  const found = findingsOf(conf, routes).map(routeFinding);
  const tenants = routedTenants(conf).length;
  return {
    findings: [...found, ...differences(routes)],
    summary: `${tenants} ${tenants === 1 ? "tenant" : "tenants"} with a table`,
  };
}

async function probeGateways({ conf, routes }: Sight, probes: Probes): Promise<Looked> {
  const links = await probes.links();
  const all = eachOnce(routes.plan.gateways);
  const usable = all.filter(({ unusable }) => unusable === undefined);
  const asked = await Promise.all(
    usable.map(async (gateway) => {
      const mark = routedTenants(conf).find(({ name }) => name === gateway.tenant)?.mark;
      if (mark === undefined) return [];
      const verdict = await probes.ask({ gateway, mark, timeoutMs: PROBE_MS, links });
      if (verdict.kind === "unknown") throw new CniError("io", verdict.why);
      return verdict.kind === "answered" ? [] : [silenceOf(gateway, verdict.why)];
    }),
  );
  const findings = asked.flat();
  const answering = usable.length - findings.length;
  return { findings, summary: `${answering} of ${all.length} gateways answer` };
}

function silenceOf({ tenant, via, dev = "?", family }: ResolvedGateway, why: string): Finding {
  const facts = { tenant, via, family, dev, why };
  return findingOf(ROUTES, "gateway-silent", facts, tenant);
}
