/** What `wrapper routes` prints: the same facts for people and for machines. */
import type { PluginConf } from "../../../conf/types";
import { formatMark } from "../../../lib/net/mark";
import { routedTenants } from "../../../lib/routes/plan/desired";
import {
  type Collision,
  COLLISIONS,
  type Finding,
  FINDINGS,
  isProblem,
} from "../../../lib/routes/conflicts/kinds";
import { collisionText, findingText } from "../../../lib/routes/conflicts/text";
import type { Action, ResolvedGateway, RoutesPlan } from "../../../lib/routes/model";
import { actionText } from "../../../lib/routes/text";
import { formatTable } from "../../../lib/text/table";

export interface RoutesReport {
  readonly conf: string;
  readonly plan: RoutesPlan;
  readonly actions: readonly Action[];
  readonly collisions: readonly Collision[];
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
}: Pick<RoutesReport, "findings" | "failures">): boolean {
  return failures.length > 0 || findings.some(isProblem);
}

/** For people. */
export function reportText(conf: PluginConf, report: RoutesReport): string {
  const { actions, collisions, findings, failures, heading } = report;
  return [
    `configuration: ${report.conf}\n`,
    tenantsText(conf, report.plan),
    actions.length === 0
      ? `${heading}: none\n`
      : `${heading}:\n${actions.map((action) => indent(actionText(action))).join("")}`,
    ...collisions.map((each) => `COLLISION ${each.kind}${about(each)}: ${collisionText(each)}\n`),
    ...findings.map(
      (each) =>
        `${isProblem(each) ? "PROBLEM" : "warning"} ${each.kind}${about(each)}: ${findingText(each)}\n`,
    ),
    ...failures.map((text) => `FAILED: ${text}\n`),
  ].join("");
}

/** For machines. */
export function reportJson(conf: PluginConf, report: RoutesReport): string {
  const { plan, actions, collisions, findings, failures } = report;
  const tenants = routedTenants(conf).map(({ name, mark, table }) => ({
    name,
    mark: formatMark(mark),
    table,
    gateways: plan.gateways
      .filter(({ tenant }) => tenant === name)
      .map(({ family, via, dev, weight, unusable }) => ({ family, via, dev, weight, unusable })),
  }));
  const object = {
    conf: report.conf,
    tenants,
    changes: changesOf(actions),
    collisions: collisions.map((each) => ({
      kind: each.kind,
      tenant: each.tenant,
      text: collisionText(each),
      code: COLLISIONS[each.kind].code,
    })),
    findings: findings.map((each) => ({
      kind: each.kind,
      tenant: each.tenant,
      text: findingText(each),
      severity: FINDINGS[each.kind].severity,
      code: FINDINGS[each.kind].code,
    })),
    failures,
  };
  return `${JSON.stringify(object, null, 2)}\n`;
}

/** The changes as objects for machines. */
export function changesOf(
  actions: readonly Action[],
): readonly { readonly kind: Action["kind"]; readonly command: string }[] {
  return actions.map((action) => ({ kind: action.kind, command: actionText(action) }));
}

function tenantsText(conf: PluginConf, plan: RoutesPlan): string {
  const rows = routedTenants(conf).map(({ name, mark, table, onGatewayLoss }) => {
    const of = (family: 4 | 6): string =>
      gatewaysText(
        plan.gateways.filter((gateway) => gateway.tenant === name && gateway.family === family),
        onGatewayLoss,
      );
    return [name, formatMark(mark), String(table), of(4), of(6)];
  });
  if (rows.length === 0)
    return 'no tenant has a table: only tenants with "table" and "gateways" are routed\n';
  return formatTable(["TENANT", "MARK", "TABLE", "IPv4", "IPv6"], rows);
}

function gatewaysText(
  gateways: readonly ResolvedGateway[],
  onGatewayLoss: "stop" | "fallback",
): string {
  if (gateways.length === 0) return "stop";
  const hops = gateways.map(
    ({ via, dev, weight, unusable }) =>
      `${via ?? ""}${via === undefined ? "" : "%"}${dev ?? "?"}${gateways.length > 1 ? `*${weight}` : ""}${unusable === undefined ? "" : ` (${unusable})`}`,
  );
  return `${hops.join(" + ")}, else ${onGatewayLoss}`;
}

function about({ tenant }: { readonly tenant: string | undefined }): string {
  return tenant === undefined ? "" : ` (tenant ${tenant})`;
}

function indent(text: string): string {
  return `${text
    .trimEnd()
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n")}\n`;
}
