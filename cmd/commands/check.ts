import { delegateNetconf } from "../../delegates/netconf";
import { runDelegate } from "../../delegates/run";
import type { PluginConf } from "../../conf/types";
import { CniError, toCniError } from "../../lib/cni/error";
import { atLeast, type CniVersion } from "../../lib/cni/version";
import { systemClock } from "../../lib/clock";
import { createExec } from "../../lib/exec";
import type { Attachment, Journal, JournalRecord } from "../../lib/journal";
import { formatMark } from "../../lib/mark";
import { ruleProblems, wantedRules } from "../../lib/plan";
import type { InstalledRule } from "../../lib/ports";
import type { Values } from "../cli";
import { findConf } from "../conflist";
import { nodeAdapters } from "../deps";
import type { Io } from "../io";
import { formatTable } from "../table";

const DEFAULT_CNI_PATH = "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni";
const OK = "ok";
/** Delegate verdicts that are no problem; anything else is the delegate's error text. */
const QUIET: readonly string[] = [OK, "not run", "-"];

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
}

/**
 * `wrapper check [NAMESPACE/POD | CONTAINER-ID]`: one line per attachment and what is wrong with
 * it. Returns 0 when all is good, 1 when something is wrong; throws when it could not look.
 */
export async function checkCommand(io: Io, positionals: readonly string[], values: Values): Promise<number> {
  const format = outputFormat(values);
  const { conf, path, warnings } = findConf(values["conf"] as string | undefined);
  for (const warning of warnings) io.stderr(`${path}: ${warning}\n`);
  const log = { write: (_level: string, message: string) => io.stderr(`${message}\n`) };
  const { journal, rules } = nodeAdapters(conf, log);
  const installed = await rules.list();
  const checkDelegate = values["no-delegate"] === true ? undefined : delegateChecker(conf, io, cniPath(io, values));
  const reports: Report[] = [];
  for (const { tag, attachment } of selected(journal, positionals[0])) {
    reports.push(await reportOn(tag, attachment, installed, checkDelegate));
  }
  const strays = positionals[0] === undefined ? strayRules(journal, installed) : [];
  io.stdout(format === "json" ? toJson(path, reports, strays) : toText(path, reports, strays));
  return reports.every((report) => report.problems.length === 0) && strays.length === 0 ? 0 : 1;
}

function outputFormat(values: Values): "table" | "json" {
  const format = values["output"] ?? "table";
  if (format === "table" || format === "json") return format;
  throw new CniError("invalidEnvironment", `unknown output format "${String(format)}": use table or json`);
}

interface Selected {
  readonly tag: string;
  readonly attachment: Attachment | string;
}

function selected(journal: Journal, wanted: string | undefined): readonly Selected[] {
  const all = [...journal.tags()].sort().flatMap((tag): readonly Selected[] => {
    const record = readOrTell(journal, tag);
    if (record === undefined) return [];
    return [{ tag, attachment: "attachment" in record ? record.attachment : record.corrupt }];
  });
  if (wanted === undefined) return all;
  const chosen = all.filter(({ attachment }) => typeof attachment !== "string" && isWanted(attachment, wanted));
  if (chosen.length === 0) {
    throw new CniError(
      "attachmentUnknown",
      `no attachment of ${wanted} in the journal: is it on this node, is it a hostNetwork pod, or was it started before this plugin?`,
    );
  }
  return chosen;
}

// A record that is a symbolic link, say: one line about it, and the others are reported all the same.
function readOrTell(journal: Journal, tag: string): JournalRecord {
  try {
    return journal.read(tag);
  } catch (error) {
    return { corrupt: toCniError(error).message };
  }
}

function isWanted({ key, pod }: Attachment, wanted: string): boolean {
  if (wanted.includes("/")) return pod !== undefined && `${pod.namespace}/${pod.name}` === wanted;
  // People paste the short ID that crictl prints.
  return key.containerId === wanted || (wanted.length >= 12 && key.containerId.startsWith(wanted));
}

type DelegateChecker = (attachment: Attachment) => Promise<string>;

async function reportOn(
  tag: string,
  attachment: Attachment | string,
  installed: readonly InstalledRule[],
  checkDelegate: DelegateChecker | undefined,
): Promise<Report> {
  if (typeof attachment === "string") return unreadable(tag, attachment);
  const { pod, key, mark } = attachment;
  const delegate = checkDelegate === undefined ? "not run" : await checkDelegate(attachment);
  return {
    pod: pod === undefined ? "-" : `${pod.namespace}/${pod.name}`,
    containerId: key.containerId,
    ifname: key.ifname,
    network: key.network,
    tenant: attachment.tenant ?? "-",
    mark: mark === undefined ? "-" : formatMark(mark),
    source: attachment.source ?? "",
    addresses: attachment.addresses,
    backend: attachment.backend ?? "-",
    rules: { expected: wantedRules(attachment).length, found: installed.filter((rule) => rule.tag === tag).length },
    delegate,
    problems: [
      ...unfinished(attachment),
      ...ruleProblems(attachment, tag, installed),
      ...(QUIET.includes(delegate) ? [] : [`delegate: ${delegate}`]),
    ],
  };
}

function unfinished({ state }: Attachment): readonly string[] {
  return state === "complete" ? [] : [`its ${state === "intent" ? "ADD" : "DEL"} did not finish`];
}

function unreadable(tag: string, why: string): Report {
  return {
    pod: "?", containerId: "?", ifname: "?", network: "?", tenant: "?", mark: "?", source: "", addresses: [], backend: "?",
    rules: { expected: 0, found: 0 }, delegate: "-", problems: [`journal record ${tag} is unusable: ${why}`],
  };
}

function delegateChecker(conf: PluginConf, io: Io, path: string): DelegateChecker {
  const exec = createExec();
  return async (attachment) => {
    const { delegate, key, pod, result } = attachment;
    if (delegate === undefined || result === undefined || attachment.state !== "complete") return "-";
    if (!atLeast(attachment.cniVersion as CniVersion, "0.4.0")) return "-";
    const env = {
      ...io.env, CNI_CONTAINERID: key.containerId, CNI_NETNS: attachment.netns, CNI_IFNAME: key.ifname, CNI_PATH: path,
      CNI_ARGS: `IgnoreUnknown=1${pod === undefined ? "" : `;K8S_POD_NAMESPACE=${pod.namespace};K8S_POD_NAME=${pod.name}`}`,
    };
    const context = { exec, clock: systemClock, env, path: path.split(":"), timeoutMs: conf.delegateTimeoutMs, stderr: () => {} };
    const sent = { ...conf, name: key.network, cniVersion: attachment.cniVersion, runtimeConfig: undefined };
    try {
      await runDelegate(context, "CHECK", delegateNetconf(sent, delegate, "CHECK", result));
      return OK;
    } catch (error) {
      return toCniError(error).message;
    }
  };
}

function cniPath(io: Io, values: Values): string {
  return String(values["cni-path"] ?? io.env["CNI_PATH"] ?? DEFAULT_CNI_PATH);
}

/** Rules of ours that no record accounts for. */
function strayRules(journal: Journal, installed: readonly InstalledRule[]): readonly string[] {
  const known = new Set(journal.tags());
  return installed.filter((rule) => !known.has(rule.tag)).map((rule) => `${rule.label} ${rule.tag} on ${rule.address} (${rule.backend})`);
}

function toJson(path: string, reports: readonly Report[], strays: readonly string[]): string {
  return `${JSON.stringify({ conf: path, attachments: reports, rulesWithoutAttachment: strays }, null, 2)}\n`;
}

function toText(path: string, reports: readonly Report[], strays: readonly string[]): string {
  const rows = reports.map((r) => [
    r.pod, r.containerId.slice(0, 13), r.tenant, r.mark, r.addresses.join(",") || "-", `${r.rules.found}/${r.rules.expected}`,
    QUIET.includes(r.delegate) ? r.delegate : "FAILED",
    r.problems.length === 0 ? OK : "WRONG",
  ]);
  const table = reports.length === 0 ? "no attachments\n" : formatTable(["POD", "CONTAINER", "TENANT", "MARK", "ADDRESSES", "RULES", "DELEGATE", "VERDICT"], rows);
  const problems = reports.flatMap((r) => r.problems.map((problem) => `${r.pod} (${r.containerId.slice(0, 13)}): ${problem}\n`));
  const stray = strays.map((rule) => `rule without attachment: ${rule}\n`);
  return [`configuration: ${path}\n`, table, ...problems, ...stray].join("");
}
