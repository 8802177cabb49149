/** What `wrapper check` prints. */
import { formatMark } from "../../lib/net/mark";
import { driftText } from "../../lib/attachment/drift";
import type { InstalledMark } from "../../lib/ports";
import { formatTable } from "../../lib/text/table";
import { isFailure, type Verdict } from "../../lib/checks/pods/verdict";
import type { Look, Note, Problem, Sight } from "../../lib/checks/pods/look";

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
  readonly delegate: Verdict;
  readonly problems: readonly string[];
  /** What needs nobody: an ADD or DEL that is under way. */
  readonly notes: readonly string[];
}

/** What the looks gave, for people and programs. */
export interface Findings {
  readonly reports: readonly Report[];
  readonly strays: readonly string[];
}

/** Reports what the looks gave; strays only where all attachments were looked at. */
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

function reportOf({ entry, marks, delegate, problems: wrong, note }: Sight): Report {
  const problems = [
    ...wrong.map(problemText),
    ...(isFailure(delegate) ? [`delegate: ${delegate.failure}`] : []),
  ];
  const notes = note === undefined ? [] : [noteText(note)];
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
    rules: marks,
    delegate,
    problems,
    notes,
  };
}

function problemText(problem: Problem): string {
  switch (problem.kind) {
    case "unusable-record":
      return `journal record ${problem.tag} is unusable: ${problem.reason}`;
    case "unfinished":
      return `its ${problem.verb} did not finish`;
    case "drift":
      return driftText(problem.drift);
  }
}

function noteText(note: Note): string {
  return note.kind === "under-way"
    ? `its ${note.verb} is under way (process ${note.pid})`
    : "its record changed while it was looked at, so it was not judged: look again";
}

const VERDICTS = { ok: "ok", "not-asked": "-", "not-run": "not run" } as const;

function verdictText(verdict: Verdict): string {
  return isFailure(verdict) ? verdict.failure : VERDICTS[verdict];
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
  delegate: "not-asked",
};

function strayText({ label, tag, address, backend }: InstalledMark): string {
  return `${label} ${tag} on ${address} (${backend})`;
}

/** For programs. `path`: the conflist. */
export function toJson(path: string, { reports, strays }: Findings): string {
  const attachments = reports.map((r) => ({ ...r, delegate: verdictText(r.delegate) }));
  return `${JSON.stringify({ conf: path, attachments, rulesWithoutAttachment: strays }, null, 2)}\n`;
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
    isFailure(r.delegate) ? "FAILED" : verdictText(r.delegate),
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
