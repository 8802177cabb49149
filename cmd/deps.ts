/** The composition root: builds the adapters that a verb or a command needs, each on first use. */
import type { PluginConf } from "../conf/types";
import { attachmentKey, type Request } from "../lib/cni/request";
import { systemClock } from "../lib/clock";
import { createExec } from "../lib/exec";
import { createJournal, type Journal } from "../lib/journal";
import { createLock } from "../lib/lock";
import { createOrphans, isAlive, ownProcess } from "../lib/orphans";
import type { Lock, Log, MarkRules, PodSource } from "../lib/ports";
import { createIptablesRules } from "../lib/rules/iptables";
import { attachmentTag, networkPrefix } from "../lib/rules/tag";
import type { Context } from "../lib/verbs/context";
import { checkKubeconfigFile } from "./kubeconfig-check";
import type { Io } from "./io";

/** DEL after a killed ADD: what the ADD started may finish, then it is killed (ms). */
const ORPHAN_TIMES = { graceMs: 1000, timeoutMs: 2000 };

export interface Node {
  readonly journal: Journal;
  readonly lock: Lock;
  readonly rules: MarkRules;
}

/**
 * What the node's state is reached through, for the plugin and the command line alike. `cniEnv`:
 * the CNI variables of the operation; a command line has none.
 */
export function nodeAdapters(conf: PluginConf, log: Log, cniEnv: Readonly<Record<string, string>> = {}): Node {
  const journal = createJournal(conf.dataDir);
  const lock = preparedLock(createLock(conf.dataDir), journal);
  const rules = createIptablesRules({
    exec: createExec(),
    lock,
    lockTimeoutMs: conf.lockTimeoutMs,
    configured: conf.iptables,
    dataDir: conf.dataDir,
    log,
    cniEnv,
  });
  return { journal, lock, rules };
}

/** Everything a verb works with. */
export function createContext(request: Request, conf: PluginConf, io: Io, log: Log): Context {
  const key = attachmentKey(conf.name, request);
  const facts: Record<string, unknown> = {};
  return {
    request,
    conf,
    key,
    tag: attachmentTag(key),
    ...nodeAdapters(conf, log, cniVariables(request)),
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
    tagOf: attachmentTag,
    networkPrefix: networkPrefix(conf.name),
    facts,
    warn: (warning) => log.write("warn", warning.message, { code: warning.code, details: warning.details, ...facts }),
  };
}

// A tool that outlives a killed ADD (it waits for the xtables lock) would add a rule after its DEL.
function cniVariables({ verb, containerId, ifname }: Request): Readonly<Record<string, string>> {
  return { CNI_COMMAND: verb, CNI_CONTAINERID: containerId, CNI_IFNAME: ifname };
}

// Loaded only on the path that asks the API: TLS and the kubeconfig reader cost more than all the rest.
async function openPodSource(conf: PluginConf): Promise<PodSource> {
  const { createPodSource } = await import("../lib/pods");
  return createPodSource({ kubeconfigPath: conf.kubeconfig ?? "", timeoutMs: conf.apiTimeoutMs, clock: systemClock });
}

// The journal's directory holds the lock, so it is made and checked before the first hold.
function preparedLock(lock: Lock, journal: Journal): Lock {
  let prepared = false;
  return {
    hold: (timeoutMs, body) => {
      if (!prepared) journal.prepare();
      prepared = true;
      return lock.hold(timeoutMs, body);
    },
  };
}
