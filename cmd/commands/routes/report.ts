/** What `wrapper routes` found, and how it prints that for machines. */
import type { PluginConf } from "../../../conf/types";
import { formatMark, type Mark } from "../../../lib/net/mark";
import { routedTenants } from "../../../lib/routes/plan/desired";
import {
  type Collision,
  COLLISIONS,
  type Finding,
  FINDINGS,
  isProblem,
} from "../../../lib/routes/conflicts/kinds";
import { collisionParts, collisionText, findingText } from "../../../lib/routes/conflicts/text";
import type { Action, RoutesPlan } from "../../../lib/routes/model";
import { gatewaysOfWay, type Way, waysOf } from "../../../lib/routes/plan/ways";
import { actionText } from "../../../lib/routes/text";

export interface RoutesReport {
  readonly conf: string;
  readonly plan: RoutesPlan;
  readonly actions: readonly Action[];
  readonly collisions: readonly Collision[];
  /** Marks that lead to tenants today, where the changes leave none of them. */
  readonly takenAway: readonly Mark[];
  readonly findings: readonly Finding[];
  /** Sentences about changes that were refused, and about what could not be read or recorded. */
  readonly failures: readonly string[];
  /** The heading of the list of changes. */
  readonly heading: string;
}

/** True when something is wrong that somebody has to fix. */
export function isBad({
  findings,
  failures,
  takenAway,
}: Pick<RoutesReport, "findings" | "failures" | "takenAway">): boolean {
  return failures.length > 0 || takenAway.length > 0 || findings.some(isProblem);
}

/** For machines. */
export function reportJson(conf: PluginConf, report: RoutesReport): string {
  const { plan, actions, collisions, findings, failures, takenAway } = report;
  const tenants = routedTenants(conf).map((tenant) => {
    const { name, mark, table } = tenant;
    const [own, ...others] = waysOf(tenant).map((way) => wayObject(name, way, plan));
    return {
      ...{ name, mark: formatMark(mark), table },
      gateways: own?.gateways,
      routes: others,
    };
  });
  const object = {
    conf: report.conf,
    tenants,
    changes: changesOf(actions),
    collisions: collisions.map((each) => ({
      kind: each.kind,
      tenant: each.tenant,
      text: collisionText(each),
      code: COLLISIONS[each.kind].code,
      pods: each.pods,
      remedy: collisionParts(each).remedy,
    })),
    findings: findings.map((each) => ({
      kind: each.kind,
      tenant: each.tenant,
      text: findingText(each),
      severity: FINDINGS[each.kind].severity,
      code: FINDINGS[each.kind].code,
    })),
    takenAway: takenAway.map(formatMark),
    failures,
  };
  return `${JSON.stringify(object, null, 2)}\n`;
}

function wayObject(tenant: string, { networks, to, onGatewayLoss }: Way, plan: RoutesPlan) {
  const gateways = gatewaysOfWay(plan.gateways, { tenant, to }).map(
    ({ family, via, dev, weight, unusable }) => ({ family, via, dev, weight, unusable }),
  );
  return { to: networks?.map(({ dst }) => dst), onGatewayLoss, gateways };
}

/** The changes as objects for machines. */
export function changesOf(
  actions: readonly Action[],
): readonly { readonly kind: Action["kind"]; readonly command: string }[] {
  return actions.map((action) => ({ kind: action.kind, command: actionText(action) }));
}
