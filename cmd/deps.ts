/** The composition root: builds the adapters that a verb or a command needs, each on first use. */
import { join } from "node:path";
import type { PluginConf } from "../conf/types";
import type { Context, Node } from "../lib/attachment/context";
import { attachmentIn, createJournal, type Journal, type Owner } from "../lib/attachment/journal";
import { createProgress, factFields } from "../lib/attachment/facts";
import { attachmentKey, type Request } from "../lib/cni/request";
import { attachmentTag } from "../lib/marks/tag";
import { systemClock } from "../lib/node/clock";
import { isDue } from "../lib/node/due";
import { createExec } from "../lib/node/exec";
import { createLocks } from "../lib/node/lock";
import type { PostOffice } from "../lib/node/lock-queue";
import {
  createLeftoverProcesses,
  isAlive,
  ownProcess,
  type ProcessId,
} from "../lib/node/processes";
import { sandboxState, viewpoint } from "../lib/node/sandbox";
import type { Exec, Locks, Log, PodSource } from "../lib/ports";
import { openBackend, type BackendParts } from "./backends";
import type { Io } from "./io";

/** DEL after a killed ADD: what the ADD started may finish, then it is killed (ms). */
const LEFTOVER_TIMES = { graceMs: 1000, timeoutMs: 2000 };

/** How often the ADDs of a node look for attachments whose sandbox is gone (ms). */
const COLLECTION_MS = 60_000;
/** Set by a launcher whose agent died or froze half-way: the agent's request, which is to be finished. */
const TAKEOVER = "TENANT_ROUTING_TAKEOVER";
/** Variables between the launcher and us. They are no delegate's business. */
const OURS: readonly string[] = [
  TAKEOVER,
  "TENANT_ROUTING_AGENT_SOCKET",
  "TENANT_ROUTING_AGENT_TIMEOUT_MS",
];
/** Who started us. When that process ends, the kernel gives us another parent (decision 0045). */
const PARENT = process.ppid;

/** What several nodes of one process may share: `exec` runs all programs, `posts` is where others wait for its locks. */
export interface Shared extends Partial<Pick<BackendParts, "runner" | "exec" | "own">> {
  readonly posts?: PostOffice;
}

/** What lives as long as the process, for the plugin and the command line alike. */
export function openNode(conf: PluginConf, log: Log, shared: Shared = {}): Node {
  const { exec = createExec() } = shared;
  const journal = createJournal(conf.dataDir);
  const locks = preparedLocks(createLocks(conf.dataDir, shared.posts), journal);
  const backend = openBackend(conf, {
    ...shared,
    exec,
    locks,
    log,
    recordedPlaces: () => recordedPlaces(journal),
  });
  const self = ownProcess();
  return {
    journal,
    locks,
    backend,
    exec,
    clock: systemClock,
    pods: () => openPodSource(conf),
    leftovers: createLeftoverProcesses(systemClock, LEFTOVER_TIMES),
    addChecks: async (needs) => (await import("./status/add-checks")).addChecks(journal, needs),
    process: self,
    requests,
    // What a request of this process left behind when it failed is as dead as a killed process.
    isAlive: (owner) => isAlive(owner) && (!isSame(owner, self) || isOneOf(requests, owner)),
    sandboxState,
    viewpoint,
    isCollectionDue: () => isDue(join(conf.dataDir, "collected"), COLLECTION_MS, systemClock.now()),
  };
}

/** What this process works on, whatever configurations its requests have. */
const requests = new Set<string>();

function isSame(one: ProcessId, other: ProcessId): boolean {
  return one.pid === other.pid && one.startTime === other.startTime;
}

function isOneOf(requests: ReadonlySet<string>, { request }: Owner): boolean {
  return request === undefined || requests.has(request);
}

/** A request, and where it comes from. */
export interface Asked {
  readonly cni: Request;
  readonly conf: PluginConf;
  readonly io: Pick<Io, "env" | "stderr">;
  readonly log: Log;
  /** An agent's request; left out, the process itself was started for it. */
  readonly remote?: Remote;
}

/** A request that came to the agent by way of a launcher. */
export interface Remote {
  /** Its ID, unique within this process. */
  readonly id: string;
  /** Runs the delegates. */
  readonly exec: Exec;
  readonly isGone: () => boolean;
  /** PIDs of what works on it elsewhere. */
  readonly helpers: readonly number[];
}

/** What a verb works with that no runtime has asked for: each attachment brings the rest from its record. */
export function ownRequest(verb: Request["verb"], path: readonly string[]): Request {
  return {
    verb,
    containerId: "",
    netns: "",
    ifname: "",
    args: new Map(),
    path,
    netnsOverride: false,
  };
}

let count = 0;

/** An ID for the next request. */
export function nextRequest(): string {
  return String(++count);
}

/** What a verb works with for this request. */
export function forRequest(node: Node, { cni, conf, io, log, remote }: Asked): Context {
  const key = attachmentKey(conf.name, cni);
  const progress = createProgress();
  const { clock } = node;
  const takeover = io.env[TAKEOVER];
  return {
    node,
    request: {
      cni,
      conf,
      key,
      tag: attachmentTag(key),
      owner: { ...node.process, request: remote?.id ?? nextRequest() },
      marks: node.backend.open(cniVariables(cni)),
      delegate: {
        exec: remote?.exec ?? node.exec,
        clock,
        env: withoutOurs(io.env),
        path: cni.path,
        timeoutMs: conf.delegateTimeoutMs,
        stderr: io.stderr,
      },
      progress,
      warn: ({ message, code, details }) =>
        log.write("warn", message, { code, details, ...factFields(progress.facts) }),
      callerIsGone: remote?.isGone ?? (() => process.ppid !== PARENT),
      helpers: remote?.helpers ?? [],
      takesOver: remote === undefined ? ownerOf(takeover) : undefined,
      unfinished: new Set(),
    },
  };
}

function withoutOurs(env: Io["env"]): Io["env"] {
  if (!OURS.some((name) => name in env)) return env;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OURS.includes(name)));
}

/** What the agent tells a launcher, which hands it to the packed binary when it loses the agent. */
export function tokenOf({ pid, startTime, request = "" }: Owner): string {
  return `${pid} ${startTime} ${request}`;
}

/** The owner of such a token; undefined for anything else. */
export function ownerOf(token: string | undefined): Owner | undefined {
  const [pid = "", startTime = "", request = ""] = (token ?? "").split(" ");
  return /^[0-9]+$/.test(pid) && startTime !== "" && request !== ""
    ? { pid: Number(pid), startTime, request }
    : undefined;
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
  return journal
    .tags()
    .map((tag) => attachmentIn(journal, tag)?.backend)
    .filter((place) => place !== undefined);
}

// The journal's directory holds the locks, so it is made and checked before the first hold.
function preparedLocks(locks: Locks, journal: Journal): Locks {
  return {
    // Each time: an agent may outlive the directory.
    hold: async (names, timeoutMs, body) => {
      journal.prepare();
      return locks.hold(names, timeoutMs, body);
    },
    sweep: () => locks.sweep(),
  };
}
