/** What marks packets on this node: the configured backend first, the others where they may hold marks. */
import type { PluginConf } from "../conf/types";
import { combineBackends } from "../lib/marks/combine";
import { createIptablesBackend } from "../lib/marks/iptables/backend";
import { hasIptables } from "../lib/marks/iptables/programs";
import { VARIANTS } from "../lib/marks/iptables/transaction";
import { recallVariant } from "../lib/marks/iptables/variant";
import { recallFact, rememberFact } from "../lib/marks/marker";
import { createNftablesBackend } from "../lib/marks/nftables/backend";
import { createGuard } from "../lib/marks/nftables/guard";
import type { Known } from "../lib/marks/nftables/known";
import { createNftRunner, type NftRunner } from "../lib/marks/nftables/runner";
import type { OwnChanges } from "../lib/marks/own-changes";
import { notingUse, whereUsed } from "../lib/marks/where-used";
import { withGuard } from "../lib/marks/with-guard";
import { startTalk } from "../lib/node/stream";
import { localHost } from "../lib/node/host";
import type { Exec, Locks, Log, MarkBackend } from "../lib/ports";

/** Beside the time for locks: how long nft may take for its own work (ms). */
const NFT_SLACK_MS = 5000;

export interface BackendParts {
  readonly exec: Exec;
  readonly locks: Locks;
  readonly log: Log;
  /** Places that records of attachments name. It reads every record, so it is asked rarely. */
  readonly recordedPlaces: () => readonly string[];
  /** One for all operations, in a process that stays. By default each operation has its own. */
  readonly runner?: NftRunner;
  /** Is told what is removed. */
  readonly own?: OwnChanges;
}

type Kind = "iptables" | "nftables";

/**
 * The backend that the configuration chooses for this node. `auto` does not leave iptables while it may hold
 * marks, even where its programs have disappeared: nobody could see them.
 */
export function backendKind({ backend, dataDir }: Pick<PluginConf, "backend" | "dataDir">): Kind {
  if (backend !== "auto") return backend;
  if (hasIptables(localHost) || localHost.find("nft") === undefined) return "iptables";
  return isUsed(dataDir, "iptables") || recallVariant(dataDir) !== undefined
    ? "iptables"
    : "nftables";
}

/** All backends as one, with the guard where an agent has made it (decision 0073). */
export function openBackend(conf: PluginConf, parts: BackendParts): MarkBackend {
  const { dataDir } = conf;
  const kind = backendKind(conf);
  const runner = parts.runner ?? newRunner(conf, parts);
  const backends: Readonly<Record<Kind, MarkBackend>> = {
    iptables: createIptablesBackend({
      ...parts,
      lockTimeoutMs: conf.lockTimeoutMs,
      configured: conf.iptables,
      dataDir,
    }),
    nftables: createNftablesBackend({
      ...parts,
      lockTimeoutMs: conf.lockTimeoutMs,
      runner: () => runner,
      mayHaveUsed: () => isUsed(dataDir, "nftables") || parts.recordedPlaces().includes("nftables"),
    }),
  };
  const other: Kind = kind === "iptables" ? "nftables" : "iptables";
  const combined = combineBackends(
    notingUse(backends[kind], () => noteUse(conf, parts, kind)),
    whereUsed(backends[other], () => mayHold(conf, parts, other)),
  );
  const mayExist = (): boolean => mayHaveGuard(dataDir);
  return withGuard(combined, () => createGuard(runner), {
    mayExist,
    isWanted: () => conf.guard && mayExist(),
  });
}

/** A runner of nft for this process. Nothing is executed before its first use. */
export function newRunner(
  { lockTimeoutMs }: Pick<PluginConf, "lockTimeoutMs">,
  parts: Pick<BackendParts, "exec" | "own"> & { readonly known?: Known },
): NftRunner {
  const timeoutMs = lockTimeoutMs + NFT_SLACK_MS;
  return createNftRunner({ ...parts, host: localHost, startTalk, timeoutMs });
}

/** True when an agent has made the guard since the node was started. */
export function mayHaveGuard(dataDir: string): boolean {
  return recallFact(dataDir, "guard") !== undefined;
}

/** For an agent, before its first entry: from now on every verb keeps the guard. Returns what went wrong, if anything. */
export function enableGuard(dataDir: string): string | undefined {
  return rememberFact(dataDir, "guard", { fact: "made", what: "that the guard is used" });
}

function isUsed(dataDir: string, kind: Kind): boolean {
  return recallFact(dataDir, fileOf(kind)) !== undefined;
}

function fileOf(kind: Kind): string {
  return `marks-${kind}`;
}

function mayHold({ dataDir }: PluginConf, { recordedPlaces }: BackendParts, kind: Kind): boolean {
  if (isUsed(dataDir, kind)) return true;
  if (kind === "nftables") return false;
  if (recallVariant(dataDir) !== undefined) return true;
  // Marks of a version that noted no use: once this node has noted one, they have been looked for.
  return !isUsed(dataDir, "nftables") && hasIptablesPlace(recordedPlaces());
}

function hasIptablesPlace(places: readonly string[]): boolean {
  return places.some((place) => VARIANTS.some((variant) => variant === place));
}

// Written before the first mark of this boot, so that no later process overlooks it.
function noteUse(conf: PluginConf, parts: BackendParts, kind: Kind): void {
  const { dataDir } = conf;
  if (isUsed(dataDir, kind)) return;
  if (kind === "nftables" && mayHold(conf, parts, "iptables")) note(dataDir, parts.log, "iptables");
  note(dataDir, parts.log, kind);
}

function note(dataDir: string, log: Log, kind: Kind): void {
  const problem = rememberFact(dataDir, fileOf(kind), { fact: "used", what: "the backend in use" });
  if (problem !== undefined) log.write("warn", problem, {});
}
