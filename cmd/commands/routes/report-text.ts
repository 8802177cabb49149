/** What `wrapper routes` prints for people: first what keeps it from going on. */
import type { PluginConf } from "../../../conf/types";
import { wrapCommand, type Paint } from "../../../lib/checks/report/text";
import { formatMark } from "../../../lib/net/mark";
import {
  type Collision,
  COLLISIONS,
  type Finding,
  FINDINGS,
  isProblem,
} from "../../../lib/routes/conflicts/kinds";
import { collisionParts, findingText } from "../../../lib/routes/conflicts/text";
import type { Action, RoutesPlan } from "../../../lib/routes/model";
import type { Family } from "../../../lib/net/family";
import { routedTenants } from "../../../lib/routes/plan/desired";
import { destinationsOf, gatewaysOfWay, type Way, waysOf } from "../../../lib/routes/plan/ways";
import { actionText, listText } from "../../../lib/routes/text";
import { formatTable } from "../../../lib/text/table";
import { WIDTH, wrap } from "../../../lib/text/wrap";
import type { RoutesReport } from "./report";

const INDENT = "    ";

/** Lines of at most 100 columns; a command goes on in the next one behind a backslash. */
export function reportText(conf: PluginConf, report: RoutesReport, paint: Paint): string {
  const { actions, collisions, findings, failures, heading } = report;
  return [
    `configuration: ${report.conf}\n`,
    ...collisions.map((each) => collisionLines(each, paint)),
    lossText(report, paint),
    tenantsText(conf, report.plan),
    actions.length === 0
      ? `${heading}: none\n`
      : `${heading}:\n${actions.map(actionLines).join("")}`,
    ...findings.map((each) => findingLines(each, paint)),
    ...failures.map((text) => paint("failed", paragraph(`FAILED: ${text}`))),
  ].join("");
}

/** What it means that every tenant goes; "" where one stays. */
export function lossText(
  { takenAway, conf, plan: { retired } }: Pick<RoutesReport, "takenAway" | "conf" | "plan">,
  paint: Paint,
): string {
  if (takenAway.length === 0) return "";
  const pods = retired.flatMap((each) => each.pods);
  const carried = pods.length === 0 ? "" : `; ${listText(pods, 3)} still carry one`;
  return paint(
    "failed",
    paragraph(
      `EVERY TENANT GOES: ${conf} has none of the marks that lead to tenants' gateways on this node now (${listText(takenAway.map(formatMark), 4)})${carried}: name the right file with --conf; wrapper routes apply asks first, or takes --yes`,
    ),
  );
}

function collisionLines(collision: Collision, paint: Paint): string {
  const { kind, tenant } = collision;
  const { fault, consequence, remedy, instead } = collisionParts(collision);
  const { code } = COLLISIONS[kind];
  return [
    paint("failed", paragraph(`COLLISION ${kind}${about(tenant)}: ${code} ${fault}`)),
    paragraph(consequence, INDENT),
    paint("bold", `${wrapCommand(`fix: ${remedy}`, INDENT)}\n`),
    ...(instead === undefined ? [] : [paragraph(`or: ${instead}`, INDENT)]),
  ].join("");
}

function findingLines(finding: Finding, paint: Paint): string {
  const { kind, tenant } = finding;
  const word = isProblem(finding) ? "PROBLEM" : "warning";
  const text = `${word} ${kind}${about(tenant)}: ${FINDINGS[kind].code} ${findingText(finding)}`;
  return paint(isProblem(finding) ? "failed" : "warning", paragraph(text));
}

/** The first line at the margin, the others below it. */
function paragraph(text: string, margin = ""): string {
  const [first = "", ...more] = wrap(text, WIDTH - INDENT.length);
  return [`${margin}${first}`, ...more.map((line) => `${INDENT}${line}`)]
    .map((line) => `${line}\n`)
    .join("");
}

/** What a shell reads as one text, a here-document, is printed as it is. */
function actionLines(action: Action): string {
  const text = actionText(action).trimEnd();
  const indent = "  ";
  if (!text.includes("\n")) return `${wrapCommand(text, indent)}\n`;
  return `${text
    .split("\n")
    .map((line) => `${indent}${line}\n`)
    .join("")}`;
}

function tenantsText(conf: PluginConf, plan: RoutesPlan): string {
  const rows = routedTenants(conf).flatMap((tenant) => {
    const { name, mark, table } = tenant;
    return waysOf(tenant).map((way) => {
      const of = (family: 4 | 6): string => wayText(plan, { name, way, family });
      return way.networks === undefined
        ? [name, formatMark(mark), String(table), of(4), of(6)]
        : [
            `  to ${listText(
              way.networks.map(({ dst }) => dst),
              1,
            )}`,
            ...["", "", of(4), of(6)],
          ];
    });
  });
  if (rows.length === 0)
    return 'no tenant has a table: only tenants with "table" and "gateways" are routed\n';
  return formatTable(["TENANT", "MARK", "TABLE", "IPv4", "IPv6"], rows);
}

function wayText(
  plan: RoutesPlan,
  {
    name: tenant,
    way,
    family,
  }: { readonly name: string; readonly way: Way; readonly family: Family },
): string {
  if (destinationsOf(way, family).length === 0) return "-";
  const gateways = gatewaysOfWay(plan.gateways, { tenant, to: way.to }).filter(
    (gateway) => gateway.family === family,
  );
  if (gateways.length === 0) return "stop";
  const hops = gateways.map(
    ({ via, dev, weight, unusable }) =>
      `${via ?? ""}${via === undefined ? "" : "%"}${dev ?? "?"}${gateways.length > 1 ? `*${weight}` : ""}${unusable === undefined ? "" : ` (${unusable})`}`,
  );
  return `${hops.join(" + ")}, else ${way.onGatewayLoss}`;
}

function about(tenant: string | undefined): string {
  return tenant === undefined ? "" : ` (tenant ${tenant})`;
}
