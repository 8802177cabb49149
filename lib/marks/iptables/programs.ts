/** The iptables programs of this node: by absolute path, with an environment of their own. */
import { CniError, RulesUntouched } from "../../cni/error";
import type { Family } from "../../net/family";
import type { Exec, ExecOutcome, ExecRequest, Started } from "../../ports";
import { DIRECTORIES, type Host, type IptablesVariant, PROGRAM_ENVIRONMENT } from "../../node/host";
import { UNWATCHED, type OwnChanges } from "../own-changes";
import { withEndMark } from "./format";

/** What brings all of them. */
const PACKAGE = "iptables";
const TOOL_TIMEOUT_SLACK_MS = 5000;
const MAX_LISTING = 64 * 1024 * 1024;
const MAX_SAID = 1000;

/** One table of rules: a family in a variant. */
export interface Slot {
  readonly variant: IptablesVariant;
  readonly family: Family;
}

const ACTIONS = ["save", "restore"] as const;
const VARIANTS: readonly IptablesVariant[] = ["nft", "legacy"];

export interface Tools {
  /** True when the programs of the slot are installed. */
  has(slot: Slot): boolean;
  /**
   * True when the slot may hold managed rules. Where its programs are missing, the kernel's list of
   * legacy tables, nft, or what was done on this node before must do (decision 0044).
   */
  mayHoldRules(slot: Slot): Promise<boolean>;
  /** The error that names the missing program of the slot and says what to do. */
  missing(slot: Slot): RulesUntouched;
  /**
   * What `iptables-save` prints, of the one table or (undefined) of every table that exists, if need be
   * with the counters in front of each rule. Throws CniError `rules` or `tryAgainLater`.
   */
  save(slot: Slot, table: string | undefined, counters?: "with counters"): Promise<string>;
  /** One `iptables-restore` transaction. Throws CniError `rules`, or `tryAgainLater` for a lock that stays busy. */
  restore(slot: Slot, input: string): Promise<void>;
  /**
   * The same; calls `committed` once the transaction is in force. iptables-nft then waits 10 ms and more
   * in the kernel until the memory of removed rules has been freed (decision 0081).
   */
  restoreAnd(slot: Slot, input: string, committed: () => void): Promise<void>;
  /** Starts the program of the slot's next restore(). Where that is not possible, restore() does it. */
  prepare(slot: Slot): void;
  /** Ends what prepare() started and nothing has used. */
  release(): void;
}

export interface ToolsOptions {
  /** How long the xtables lock is waited for. */
  readonly lockTimeoutMs: number;
  /**
   * Goes into the environment of what changes rules: the CNI variables by which a DEL recognises what a
   * killed ADD has left running. A listing changes nothing, so it may go on.
   */
  readonly cniEnv?: Readonly<Record<string, string>> | undefined;
  /** True when we may have made rules in that variant on this node; asked where neither its programs nor nft are installed. */
  readonly mayHaveUsed?: ((variant: IptablesVariant) => boolean) | undefined;
  /** Is told what is removed. */
  readonly own?: OwnChanges | undefined;
}

/** The tools of `host`. */
export function createTools(
  exec: Exec,
  host: Host,
  { lockTimeoutMs, cniEnv: marks = {}, mayHaveUsed = () => false, own }: ToolsOptions,
): Tools {
  const requestOf = (slot: Slot, action: Action, args: readonly string[]): Unfed => {
    const path = findTool(host, slot, action);
    if (path === undefined) throw unusable(slot, action);
    return {
      path,
      args,
      env: action === "restore" ? { ...marks, ...PROGRAM_ENVIRONMENT } : PROGRAM_ENVIRONMENT,
      timeoutMs: lockTimeoutMs + TOOL_TIMEOUT_SLACK_MS,
      maxStdout: MAX_LISTING,
      maxStderr: 16 * 1024,
    };
  };
  const seconds = Math.max(1, Math.ceil(lockTimeoutMs / 1000));
  const has = (slot: Slot): boolean =>
    ACTIONS.every((action) => findTool(host, slot, action) !== undefined);
  return {
    has,
    mayHoldRules: async (slot) => {
      if (slot.variant === "legacy") return host.legacyTables(slot.family).includes("mangle");
      return has(slot) || ((await nftHasMangle(exec, host, slot.family)) ?? mayHaveUsed("nft"));
    },
    missing: (slot) => unseen(host, slot),
    save: async (slot, table, counters) => {
      const args = [
        ...(counters === undefined ? [] : ["-c"]),
        ...(table === undefined ? [] : ["-t", table]),
      ];
      const request = requestOf(slot, "save", args);
      return outputOf(slot, request, await exec.run({ ...request, stdin: "" }));
    },
    ...restoring({ exec, own }, has, (slot) =>
      requestOf(slot, "restore", ["--noflush", "-w", String(seconds)]),
    ),
  };
}

/** The part of the tools that changes rules. */
function restoring(
  { exec, own = UNWATCHED }: { readonly exec: Exec; readonly own: OwnChanges | undefined },
  has: (slot: Slot) => boolean,
  requestOf: (slot: Slot) => Unfed,
): Pick<Tools, "restore" | "restoreAnd" | "prepare" | "release"> {
  const prepared = new Map<string, Started>();
  return {
    restore: async (slot, input) => {
      const request = requestOf(slot);
      const early = prepared.get(nameOf(slot));
      prepared.delete(nameOf(slot));
      const tell = own.expect(removalsIn(slot, input));
      const outcome = await (early?.finish(input) ?? exec.run({ ...request, stdin: input }));
      tell(outcome.exitCode === 0);
      outputOf(slot, request, outcome);
    },
    restoreAnd: async (slot, input, committed) => {
      const { input: stdin, reached } = slot.variant === "nft" ? withEndMark(input) : { input };
      const onStderr = (soFar: string): void => void (reached?.test(soFar) && committed());
      const request = requestOf(slot);
      const tell = own.expect(removalsIn(slot, input));
      const outcome = await exec.run({ ...request, stdin, onStderr });
      tell(outcome.exitCode === 0 || reached?.test(outcome.stderr) === true);
      if (reached?.test(outcome.stderr) !== true) outputOf(slot, request, outcome);
      committed();
    },
    prepare: (slot) => {
      const started = has(slot) ? exec.start?.(requestOf(slot)) : undefined;
      if (started !== undefined) prepared.set(nameOf(slot), started);
    },
    release: () => {
      for (const started of prepared.values()) started.abandon();
      prepared.clear();
    },
  };
}

type Action = (typeof ACTIONS)[number];
type Unfed = Omit<ExecRequest, "stdin">;

/** As nft monitor tells them; legacy tables send no events. */
function removalsIn({ variant, family }: Slot, input: string): readonly string[] {
  if (variant === "legacy") return [];
  const removals = input.split("\n").filter((line) => line.startsWith("-D "));
  return removals.map(
    (line) => `delete rule ${family === 4 ? "ip" : "ip6"} mangle ${line.split(" ")[1]}`,
  );
}

function nameOf({ variant, family }: Slot): string {
  return `${variant} ${family}`;
}

/** What the program printed, if all is well with it. */
function outputOf(slot: Slot, { path, timeoutMs }: Unfed, outcome: ExecOutcome): string {
  const stdout = new TextDecoder().decode(outcome.stdout);
  refuseIncompatible(slot, stdout);
  if (outcome.exitCode === 0 && !outcome.overflow) return stdout;
  throw failure(path, outcome, timeoutMs);
}

/** By the name that carries the variant, else (distributions with a single variant) by the plain one. */
function findTool(host: Host, { variant, family }: Slot, action: string): string | undefined {
  const prefix = programPrefix(family);
  const named = host.find(`${prefix}-${variant}-${action}`);
  if (named !== undefined) return named;
  const plain = host.find(`${prefix}-${action}`);
  return plain !== undefined && host.iptablesVariant(plain) === variant ? plain : undefined;
}

/** True when either variant is installed, for IPv4. */
export function hasIptables(host: Host): boolean {
  return VARIANTS.some((variant) => findTool(host, { variant, family: 4 }, "save") !== undefined);
}

function programPrefix(family: Family): string {
  return family === 6 ? "ip6tables" : "iptables";
}

function unusable(slot: Slot, action: string): CniError {
  const remedy = `install the package ${PACKAGE}, or set "iptables" to the variant that is there`;
  return new CniError("rules", notInstalled(slot, action, remedy), { missingPackage: PACKAGE });
}

function unseen(host: Host, slot: Slot): RulesUntouched {
  const absent = ACTIONS.find((action) => findTool(host, slot, action) === undefined) ?? "save";
  const remedy = `rules of ours may be there and cannot be seen: install the package ${PACKAGE}`;
  const message = notInstalled(slot, absent, remedy);
  return new RulesUntouched("rules", message, { missingPackage: PACKAGE });
}

function notInstalled({ variant, family }: Slot, action: string, remedy: string): string {
  return `${programPrefix(family)}-${variant}-${action} is not installed in ${DIRECTORIES.join(", ")}: ${remedy}`;
}

/** Asks nft whether the kernel has the table; undefined when nft is not installed or cannot say. */
async function nftHasMangle(exec: Exec, host: Host, family: Family): Promise<boolean | undefined> {
  const path = host.find("nft");
  if (path === undefined) return undefined;
  const [name, limit] = [family === 6 ? "ip6" : "ip", 1024 * 1024];
  const outcome = await exec.run({
    path,
    args: ["list", "tables", name],
    env: PROGRAM_ENVIRONMENT,
    stdin: "",
    timeoutMs: TOOL_TIMEOUT_SLACK_MS,
    maxStdout: limit,
    maxStderr: limit,
  });
  if (outcome.exitCode === 0)
    return new TextDecoder().decode(outcome.stdout).split("\n").includes(`table ${name} mangle`);
  // A kernel without nf_tables at all.
  return /not supported/i.test(outcome.stderr) ? false : undefined;
}

// iptables-nft-save prints this instead of the rules, and succeeds. Taken for an empty table, managed
// rules would stay for ever. Restoring would still work, but blindly.
function refuseIncompatible({ family }: Slot, stdout: string): void {
  if (!/^# Table `mangle' is incompatible/m.test(stdout)) return;
  const table = `${family === 6 ? "ip6" : "ip"} mangle`;
  throw new CniError(
    "rules",
    `the nftables table ${table} holds rules that iptables-nft cannot read, so ours cannot be told apart: see "nft list table ${table}", and move what was not added with iptables to a table of its own`,
  );
}

function failure(path: string, outcome: ExecOutcome, timeoutMs: number): CniError {
  const said = outcome.stderr
    .trim()
    .replace(/\s*\n\s*/g, " | ")
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(-MAX_SAID);
  const words = said === "" ? "it said nothing" : said;
  if (outcome.timedOut)
    return new CniError(
      "tryAgainLater",
      `${path} did not finish within ${timeoutMs} ms and was killed (${words}): look for what holds /run/xtables.lock`,
    );
  if (/xtables lock|resource temporarily unavailable/i.test(said)) {
    return new CniError(
      "tryAgainLater",
      `${path} could not get the xtables lock in time: another program holds it (${words})`,
    );
  }
  const how = outcome.overflow
    ? `more than ${MAX_LISTING} bytes of output`
    : (outcome.spawnError ?? outcome.signal ?? `exit status ${outcome.exitCode}`);
  return new CniError("rules", `${path} failed (${how}): ${words}${hint(said)}`);
}

function hint(said: string): string {
  if (/permission denied|you must be root/i.test(said)) return ": run as root with CAP_NET_ADMIN";
  if (/(can't|couldn't) (initialize|load)|module/i.test(said))
    return ": load the kernel modules for mangle, MARK, comment and conntrack";
  return "";
}
