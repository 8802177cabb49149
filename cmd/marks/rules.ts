import type { Finding } from "../../lib/checks/finding";
import type { Paint } from "../../lib/checks/report/text";
import { foreignMarks, markedPod } from "../../lib/checks/pods/foreign-rules";
import {
  podRows,
  tenantRows,
  type Counted,
  type PodRow,
  type TenantRow,
} from "../../lib/load/in-force";
import { recordsIn } from "../../lib/load/sample";
import { formatMark } from "../../lib/net/mark";
import { formatTable } from "../../lib/text/table";
import { wrapBehind } from "../../lib/text/wrap";
import { formatBytes } from "../../lib/text/units";
import { EXIT_WRONG, outputFormat, type RunCommand } from "../command";
import { withSignOfLife } from "../screen/waiting";
import { foreignOf, openMarks, type Opened } from "./open";
import { printPainted } from "../screen/painted";

interface Report {
  readonly path: string;
  readonly tenants: readonly TenantRow[];
  readonly pods: readonly PodRow[];
  /** Pods on record that are to have no mark. */
  readonly unmarked: number;
  readonly foreign: readonly Finding[];
  /** What could not be read. */
  readonly unseen: readonly string[];
}

/**
 * `wrapper rules`: the marks that are in force, with what they have counted, and foreign rules on pods'
 * addresses. Returns 1 where there are such; throws when the marks cannot be listed.
 */
export const rulesCommand: RunCommand = async (io, _positionals, values) => {
  const isJson = outputFormat(values) === "json";
  const opened = openMarks(io, values);
  const report = await withSignOfLife("reading the rules of all pods", () => look(opened));
  for (const problem of report.unseen) io.stderr(`wrapper rules: could not look: ${problem}\n`);
  if (isJson) io.stdout(toJson(report));
  else printPainted(io, report, toText);
  return report.foreign.length > 0 ? EXIT_WRONG : 0;
};

async function look(opened: Opened): Promise<Report> {
  const { conf, path, node } = opened;
  const marks = node.backend.open({});
  // Marks first: an ADD writes its record before it marks.
  const [installed, traffic, foreign] = await Promise.all([
    marks.list(),
    marks.traffic(),
    foreignOf(opened),
  ]);
  const records = recordsIn(node.journal);
  const attachments = [...records.values()];
  const pods = podRows(conf, { installed, traffic, records });
  return {
    path,
    pods,
    tenants: tenantRows(conf, pods, traffic),
    unmarked: attachments.filter(({ state, mark }) => state === "complete" && mark === undefined)
      .length,
    foreign: foreignMarks(conf, attachments.map(markedPod), foreign.rules),
    unseen: foreign.unseen,
  };
}

function toJson({ path, tenants, pods, unmarked, foreign, unseen }: Report): string {
  const object = {
    conf: path,
    tenants: tenants.map(({ mark, ...row }) => ({ ...row, mark: formatMark(mark) })),
    pods: pods.map(({ mark, ...row }) => ({
      ...row,
      mark: mark === undefined ? undefined : formatMark(mark),
    })),
    podsWithoutMark: unmarked,
    foreignRules: foreign,
    couldNotLook: unseen,
  };
  return `${JSON.stringify(object, (_key, value: unknown) => value ?? null, 2)}\n`;
}

function toText({ path, tenants, pods, unmarked, foreign }: Report, paint: Paint): string {
  return [
    `configuration: ${path}\n`,
    formatTable(["TENANT", "MARK", "BACKEND", "PODS", "PACKETS", "BYTES"], tenants.map(tenantLine)),
    ...(pods.length === 0
      ? []
      : [
          "\n",
          formatTable(
            ["POD", "TENANT", "MARK", "ADDRESSES", "RULES", "PACKETS", "BYTES"],
            pods.map(podLine),
          ),
        ]),
    ...(unmarked === 0 ? [] : [`${unmarked} more without a mark\n`]),
    ...foreign.map(
      ({ fault, consequence, remedy }) =>
        `\n${paint("failed", wrapBehind("", `${fault}; ${consequence}`))}${paint("bold", `  fix: ${remedy}\n`)}`,
    ),
  ].join("");
}

function tenantLine({ tenant, mark, backend, pods, ...counted }: TenantRow): readonly string[] {
  return [tenant ?? "-", formatMark(mark), backend ?? "-", String(pods), ...countedCells(counted)];
}

function podLine(row: PodRow): readonly string[] {
  const { pod, tenant, mark, addresses, pieces, recorded, ...counted } = row;
  return [
    recorded ? pod : `${pod} (no record)`,
    tenant ?? "-",
    mark === undefined ? "DAMAGED" : formatMark(mark),
    addresses.join(","),
    String(pieces),
    ...countedCells(counted),
  ];
}

// nftables counts for all pods with a mark together.
function countedCells({ packets, bytes }: Counted): readonly string[] {
  return packets === undefined || bytes === undefined
    ? ["-", "-"]
    : [String(packets), formatBytes(bytes)];
}
