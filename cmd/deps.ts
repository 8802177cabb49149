/** The composition root: builds the adapters that a verb or a command needs, each on first use. */
import { join } from "node:path";
import type { PluginConf } from "../conf/types";
import { attachmentKey, type Request } from "../lib/cni/request";
import { systemClock } from "../lib/node/clock";
import { isDue } from "../lib/node/due";
import { createExec } from "../lib/node/exec";
import { createJournal, type Journal, type JournalRecord } from "../lib/attachment/journal";
import { createLocks } from "../lib/node/lock";
import { createOrphans, isAlive, ownProcess } from "../lib/node/processes";
import type { Locks, Log, MarkBackend, PodSource } from "../lib/ports";
import { combineBackends } from "../lib/marks/combine";
import { createIptablesBackend } from "../lib/marks/iptables/backend";
import { attachmentTag, networkPrefix } from "../lib/marks/tag";
import { sandboxState, viewpoint } from "../lib/node/sandbox";
import type { Context } from "../lib/attachment/context";
import { checkKubeconfigFile } from "./kubeconfig-check";
import type { Io } from "./io";

/** DEL after a killed ADD: what the ADD started may finish, then it is killed (ms). */
const ORPHAN_TIMES = { graceMs: 1000, timeoutMs: 2000 };

/** How often the ADDs of a node look for attachments whose sandbox is gone (ms). */
const COLLECTION_MS = 60_000;
/** Who started us. When that process ends, the kernel gives us another parent (decision 0045). */
const PARENT = process.ppid;

export interface Node {
  readonly journal: Journal;
  readonly locks: Locks;
  readonly backend: MarkBackend;
}

/** What the node's state is reached through, for the plugin and the command line alike. */
export function nodeAdapters(conf: PluginConf, log: Log): Node {
  const journal = createJournal(conf.dataDir);
  const locks = preparedLocks(createLocks(conf.dataDir), journal);
  const backend = combineBackends(
    createIptablesBackend({
      exec: createExec(),
      locks,
      lockTimeoutMs: conf.lockTimeoutMs,
      configured: conf.iptables,
      dataDir: conf.dataDir,
      log,
      recordedPlaces: () => recordedPlaces(journal),
    }),
  );
  return { journal, locks, backend };
}

/** Everything a verb works with. */
export function createContext(request: Request, conf: PluginConf, io: Io, log: Log): Context {
  const key = attachmentKey(conf.name, request);
  const facts: Record<string, unknown> = {};
  const node = nodeAdapters(conf, log);
  return {
    request,
    conf,
    key,
    tag: attachmentTag(key),
    ...node,
    marks: node.backend.open(cniVariables(request)),
    pods: () => openPodSource(conf),
    delegate: {
      exec: createExec(),
      clock: systemClock,
      env: io.env,
      path: request.path,
      timeoutMs: conf.delegateTimeoutMs,
      stderr: io.stderr,
    },
    orphans: createOrphans(systemClock, ORPHAN_TIMES),
    checkKubeconfig: checkKubeconfigFile,
    self: ownProcess(),
    isAlive,
    parentIsGone: () => process.ppid !== PARENT,
    sandboxState,
    viewpoint,
    isCollectionDue: () => isDue(join(conf.dataDir, "collected"), COLLECTION_MS, systemClock.now()),
    tagOf: attachmentTag,
    networkPrefix: networkPrefix(conf.name),
    facts,
    warn: (warning) =>
      log.write("warn", warning.message, {
        code: warning.code,
        details: warning.details,
        ...facts,
      }),
  };
}

// A tool that outlives a killed ADD (it waits for the xtables lock) would add a rule after its DEL.
function cniVariables({ verb, containerId, ifname }: Request): Readonly<Record<string, string>> {
  return { CNI_COMMAND: verb, CNI_CONTAINERID: containerId, CNI_IFNAME: ifname };
}

// Loaded only on the path that asks the API: TLS and the kubeconfig reader cost more than all the rest.
async function openPodSource(conf: PluginConf): Promise<PodSource> {
  const { createPodSource } = await import("../lib/kube/source");
  return createPodSource({
    kubeconfigPath: conf.kubeconfig ?? "",
    timeoutMs: conf.apiTimeoutMs,
    clock: systemClock,
  });
}

function recordedPlaces(journal: Journal): readonly string[] {
  return journal.tags().flatMap((tag) => {
    const record = tryRead(journal, tag);
    return record !== undefined && "attachment" in record
      ? [record.attachment.backend].filter((place) => place !== undefined)
      : [];
  });
}

function tryRead(journal: Journal, tag: string): JournalRecord {
  try {
    return journal.read(tag);
  } catch {
    return undefined;
  }
}

// The journal's directory holds the locks, so it is made and checked before the first hold.
function preparedLocks(locks: Locks, journal: Journal): Locks {
  let prepared = false;
  return {
    hold: (names, timeoutMs, body) => {
      if (!prepared) journal.prepare();
      prepared = true;
      return locks.hold(names, timeoutMs, body);
    },
    sweep: () => locks.sweep(),
  };
}
