/** The iptables programs of this node, by absolute path; the runtime's PATH is never asked. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../cni/error";
import type { Backend, Exec, ExecOutcome, Family } from "../ports";

const DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"];
/** Nothing of the runtime's environment reaches the tools. */
const ENVIRONMENT = { PATH: DIRECTORIES.join(":"), LC_ALL: "C" };
const TOOL_TIMEOUT_SLACK_MS = 5000;
const MAX_LISTING = 64 * 1024 * 1024;

export type Action = "save" | "restore";

/** `iptables-nft-save` and its kin. */
export function toolName(backend: Backend, family: Family, action: Action): string {
  return `${family === 6 ? "ip6" : "ip"}tables-${backend}-${action}`;
}

/** Absolute path of a program in the fixed directories; undefined when it is not installed. */
export function findTool(name: string): string | undefined {
  return DIRECTORIES.map((dir) => join(dir, name)).find((path) => existsSync(path));
}

/** True when the node has this flavour's program for the family. */
export function hasTool(backend: Backend, family: Family): boolean {
  return findTool(toolName(backend, family, "restore")) !== undefined;
}

/** True when the kernel speaks the family here. */
export function hasFamily(family: Family): boolean {
  return family === 4 || existsSync("/proc/net/if_inet6");
}

/**
 * True when the legacy mangle table exists in this network namespace. Asked before every legacy
 * listing: iptables-legacy-save would create the table (and load its modules) by looking.
 */
export function hasLegacyTable(family: Family): boolean {
  try {
    const names = readFileSync(`/proc/net/${family === 6 ? "ip6" : "ip"}_tables_names`, "utf8");
    return names.split("\n").includes("mangle");
  } catch {
    return false;
  }
}

/**
 * Runs one of the tools. Throws CniError `rules` when it is not installed or fails, `tryAgainLater`
 * when the xtables lock stays busy for `lockTimeoutMs`.
 */
export async function runTool(exec: Exec, name: string, args: readonly string[], options: { stdin: string; lockTimeoutMs: number }): Promise<string> {
  const path = findTool(name);
  if (path === undefined) {
    throw new CniError("rules", `${name} is not installed in ${DIRECTORIES.join(", ")}: install the package iptables, or set "iptables" to the flavour that is there`);
  }
  const outcome = await exec.run({
    path, args, env: ENVIRONMENT, stdin: options.stdin,
    timeoutMs: options.lockTimeoutMs + TOOL_TIMEOUT_SLACK_MS, maxStdout: MAX_LISTING, maxStderr: 16 * 1024,
  });
  if (outcome.exitCode === 0 && !outcome.overflow) return new TextDecoder().decode(outcome.stdout);
  throw failure(name, outcome);
}

function failure(name: string, outcome: ExecOutcome): CniError {
  const said = outcome.stderr.trim().replace(/\s*\n\s*/g, " | ").replace(/[^\x20-\x7e]/g, "?").slice(-1000);
  if (outcome.timedOut || /xtables lock|resource temporarily unavailable/i.test(said)) {
    return new CniError("tryAgainLater", `${name} could not get the xtables lock in time: another program holds it (${said})`);
  }
  const how = outcome.spawnError ?? outcome.signal ?? `exit status ${outcome.exitCode}`;
  return new CniError("rules", `${name} failed (${how}): ${said === "" ? "it said nothing" : said}${hint(said)}`);
}

function hint(said: string): string {
  if (/permission denied|you must be root/i.test(said)) return ": run as root with CAP_NET_ADMIN";
  if (/(can't|couldn't) (initialize|load)|module/i.test(said)) return ": load the kernel modules for mangle, MARK, comment and conntrack";
  return "";
}
