/** What `wrapper check` prints. */
import { formatMark } from "../../lib/net/mark";
import type { InstalledRule } from "../../lib/ports";
import { formatTable } from "../table";
import { isFailure } from "./delegate";
import type { Look, Sight } from "./look";

/** One attachment as `wrapper check` reports it. */
export interface Report {
  readonly pod: string;
  readonly containerId: string;
  readonly ifname: string;
  readonly network: string;
  readonly tenant: string;
  readonly mark: string;
  readonly source: string;
  readonly addresses: readonly string[];
  readonly backend: string;
  readonly rules: { readonly expected: number; readonly found: number };
  readonly delegate: string;
  readonly problems: readonly string[];
  /** What needs nobody: an ADD or DEL that is under way. */
  readonly notes: readonly string[];
}

/** What the looks gave, in words. */
export interface Findings {
  readonly reports: readonly Report[];
  readonly strays: readonly string[];
}

/** Puts it into words; strays only where all attachments were looked at. */
export function findingsOf(look: Look, all: boolean): Findings {
  return {
    reports: [...look.sights.values()].map(reportOf),
    strays: all ? look.strays.map(strayText) : [],
  };
}

/** True when nothing is wrong. */
export function isGood({ reports, strays }: Findings): boolean {
  return strays.length === 0 && reports.every(({ problems }) => problems.length === 0);
}

function reportOf({ entry, rules, delegate, problems, notes }: Sight): Report {
  if (typeof entry === "string") return { ...UNREADABLE, problems, notes };
  const { pod, key, mark } = entry;
  return {
    pod: pod === undefined ? "-" : `${pod.namespace}/${pod.name}`,
    containerId: key.containerId,
    ifname: key.ifname,
    network: key.network,
    tenant: entry.tenant ?? "-",
    mark: mark === undefined ? "-" : formatMark(mark),
    source: entry.source ?? "",
    addresses: entry.addresses,
    backend: entry.backend ?? "-",
    rules,
    delegate,
    problems: isFailure(delegate) ? [...problems, `delegate: ${delegate}`] : problems,
    notes,
  };
}

const UNREADABLE: Omit<Report, "problems" | "notes"> = {
  pod: "?",
  containerId: "?",
  ifname: "?",
  network: "?",
  tenant: "?",
  mark: "?",
  source: "",
  addresses: [],
  backend: "?",
  rules: { expected: 0, found: 0 },
  delegate: "-",
};

function strayText(rule: InstalledRule): string {
  return `${rule.label} ${rule.tag} on ${rule.address} (${rule.backend})`;
}

/** For programs. `path`: the conflist. */
export function toJson(path: string, { reports, strays }: Findings): string {
  return `${JSON.stringify({ conf: path, attachments: reports, rulesWithoutAttachment: strays }, null, 2)}\n`;
}

/** For people. `path`: the conflist. */
export function toText(path: string, { reports, strays }: Findings): string {
  const rows = reports.map((r) => [
    r.pod,
    r.containerId.slice(0, 13),
    r.tenant,
    r.mark,
    r.addresses.join(",") || "-",
    `${r.rules.found}/${r.rules.expected}`,
    isFailure(r.delegate) ? "FAILED" : r.delegate,
    verdictOf(r),
  ]);
  const table =
    reports.length === 0
      ? "no attachments\n"
      : formatTable(
          ["POD", "CONTAINER", "TENANT", "MARK", "ADDRESSES", "RULES", "DELEGATE", "VERDICT"],
          rows,
        );
  const lines = reports.flatMap((r) =>
    [...r.problems, ...r.notes].map(
      (text) => `${r.pod} (${r.containerId.slice(0, 13)}): ${text}\n`,
    ),
  );
  const stray = strays.map((rule) => `rule without attachment: ${rule}\n`);
  return [`configuration: ${path}\n`, table, ...lines, ...stray].join("");
}

function verdictOf({ problems, notes }: Report): string {
  if (problems.length > 0) return "WRONG";
  return notes.length > 0 ? "busy" : "ok";
}
