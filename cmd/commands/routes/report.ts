/** What `wrapper routes` prints: the same facts for people and for machines. */
import type { PluginConf } from "../../../conf/types";
import { formatMark } from "../../../lib/net/mark";
import { routedTenants } from "../../../lib/routes/plan/desired";
import type {
  Action,
  Collision,
  Finding,
  FindingKind,
  ResolvedGateway,
  RoutesPlan,
} from "../../../lib/routes/model";
import { actionText } from "../../../lib/routes/text";
import { formatTable } from "../../table";

/** Findings with which a tenant's packets do not get through; the others are warnings. */
const ERRORS: readonly FindingKind[] = [
  "device-missing",
  "device-down",
  "gateway-own-address",
  "gateway-off-link",
  "gateway-failed",
  "mark-without-tenant",
  "forwarding-off",
  "strict-rp-filter",
  "main-refuses",
];

export interface RoutesReport {
  readonly conf: string;
  readonly plan: RoutesPlan;
  readonly actions: readonly Action[];
  readonly collisions: readonly Collision[];
  readonly findings: readonly Finding[];
  /** Sentences about changes that the kernel refused. */
  readonly failures: readonly string[];
  /** What the list of changes is headed with. */
  readonly heading: string;
}

/** True when something is wrong that a person must see to. */
export function isBad({
  findings,
  failures,
}: Pick<RoutesReport, "findings" | "failures">): boolean {
  return failures.length > 0 || findings.some(({ kind }) => ERRORS.includes(kind));
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
    ...collisions.map(({ kind, tenant, text }) => `COLLISION ${kind}${about(tenant)}: ${text}\n`),
    ...findings.map(
      ({ kind, tenant, text }) =>
        `${ERRORS.includes(kind) ? "PROBLEM" : "warning"} ${kind}${about(tenant)}: ${text}\n`,
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
  const graded = findings.map((finding) => ({
    ...finding,
    severity: ERRORS.includes(finding.kind) ? "problem" : "warning",
  }));
  return `${JSON.stringify({ conf: report.conf, tenants, changes: changesOf(actions), collisions, findings: graded, failures }, null, 2)}\n`;
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

function about(tenant: string | undefined): string {
  return tenant === undefined ? "" : ` (tenant ${tenant})`;
}

function indent(text: string): string {
  return `${text
    .trimEnd()
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n")}\n`;
}
