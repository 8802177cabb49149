/** Composition root of the checks. */
import { accessSync, constants, realpathSync } from "node:fs";
import { accessChecks } from "../../lib/checks/access/checks";
import { agentChecks } from "../../lib/checks/agent/checks";
import { CATEGORIES, type Category } from "../../lib/checks/finding";
import { foreignIn } from "../../lib/checks/foreign/read";
import { datapathChecks } from "../../lib/checks/node/datapath-checks";
import { machineChecks } from "../../lib/checks/node/checks";
import { readEntries } from "../../lib/checks/pods/look";
import { addressesInUse } from "../../lib/checks/marks/addresses";
import { attachedPods, podsChecks } from "../../lib/checks/pods/checks";
import { routesChecks } from "../../lib/checks/routes/checks";
import type { Node } from "../../lib/attachment/context";
import type { Check } from "../../lib/checks/run";
import { runtimeChecks, type Conflist } from "../../lib/checks/runtime/checks";
import { systemClock } from "../../lib/node/clock";
import { DEFAULT_DIRS } from "../../lib/node/cni/distributions";
import { readRuntimeDirs } from "../../lib/node/cni/runtime-dirs";
import { createExec } from "../../lib/node/exec";
import { createPrograms } from "../../lib/node/programs";
import { remembered } from "../../lib/reconcile/remembered";
import type { ForwardTable } from "../../lib/routes/kernel/forward";
import { readSysctl } from "../../lib/routes/kernel/kernel";
import { readMarkUses, withTableNames } from "../../lib/routes/kernel/surroundings";
import { createProbes } from "../../lib/routes/watch/probe";
import { DEFAULT_CNI_PATH, type Values } from "../command";
import { cniPath, kubeletOf } from "../conflist";
import { forwardTable, routesNode } from "../commands/routes/run";
import { openNode } from "../deps";
import type { Io } from "../io";
import { build } from "../version";
import { askApi } from "./ask-api";
import { findConflist } from "./target";

/** All checks of this node, and the conflist that they judge it by. */
export interface NodeChecks {
  readonly checks: readonly Check[];
  /** Path of the conflist; undefined: there is none. */
  readonly conf: string | undefined;
}

/** The checks of this node. What they need is looked for when they look. */
export function nodeChecks(io: Io, values: Values): NodeChecks {
  const found = readRuntimeDirs();
  const { confDir = DEFAULT_DIRS.confDir, binDirs, runtime: kind = "containerd" } = found ?? {};
  const conflist = once(() => findConflist(values.conf, confDir));
  const conf = (): Conflist["conf"] => conflist().conf;
  const exec = createExec();
  const node = once(() => readingOnce(openNode(conf(), { write: () => {} }, { exec })));
  const table = once(() => sharedTable(conf()));
  const markUses = once(() => readMarkUses(createPrograms(exec), table()));
  const api = once(() => askApi(conf(), readEntries(node().journal).values()));
  const clock = systemClock;
  const { version } = build;
  const runtime = {
    ...{ confDir, runtime: kind, named: values.conf, conflist, exec, version },
    dirs: cniPath(values, io.env, binDirs),
    unread: values.cniPath === undefined ? [found?.file].find(isUnreadable) : undefined,
    others: DEFAULT_CNI_PATH.split(":"),
    binary: realpathSync(process.execPath),
  };
  const checks = [
    ...runtimeChecks(runtime),
    ...accessChecks({ conf, api, clock, kubelet: () => kubeletOf(found) }),
    ...podsChecks({
      ...{ conf, node, api, saved: () => table().saved() },
      foreign: async () => foreignIn(await markUses()),
      inUse: () => addressesInUse(createPrograms(exec)),
    }),
    ...routesChecks({
      conf,
      node: (each) => ({
        ...routesNode(each, table()),
        readSurroundings: async () => withTableNames(await markUses(), each.routes.namesDir),
      }),
      probes: createProbes(createPrograms(exec), clock),
    }),
    ...machineChecks({
      ...{ conf, sysctl: readSysctl },
      journal: () => node().journal,
      marks: () => node().backend.open({}),
    }),
    ...datapathChecks({
      ...{ conf, sysctl: readSysctl, programs: createPrograms(exec) },
      pods: () => attachedPods(node()),
    }),
    ...agentChecks({ conf, clock, version, isAlive: isRunning }),
  ];
  return { checks, conf: pathOf(conflist) };
}

/** Several checks read every record, some of them twice: a file is read again only when it has changed. */
function readingOnce(node: Node): Node {
  return { ...node, journal: { ...node.journal, ...remembered(node.journal) } };
}

/** What all programs print is read once, and asked for twice: by rules on pods' addresses, and by collisions. */
function sharedTable(conf: Conflist["conf"]): ForwardTable {
  const table = forwardTable(conf);
  return { ...table, saved: once(() => table.saved()) };
}

function isUnreadable(path: string | undefined): boolean {
  try {
    if (path !== undefined) accessSync(path, constants.R_OK);
    return false;
  } catch {
    return true;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function pathOf(conflist: () => Conflist): string | undefined {
  try {
    return conflist().path;
  } catch {
    return undefined;
  }
}

/** The same with one outcome for all calls, a failure too. */
function once<T>(body: () => T): () => T {
  let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  return () => {
    outcome ??= attempt(body);
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  };
}

function attempt<T>(body: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: body() };
  } catch (error) {
    return { error };
  }
}

/** Those of these categories, in the order of CATEGORIES; all without any. */
export function selected(
  checks: readonly Check[],
  only: readonly Category[] = Object.keys(CATEGORIES) as Category[],
): readonly Check[] {
  return (Object.keys(CATEGORIES) as Category[])
    .filter((category) => only.includes(category))
    .flatMap((category) => checks.filter((check) => check.category === category));
}
