import type { PluginConf } from "../../conf/types";
import { monitorFirewall } from "../../lib/reconcile/monitor";
import type { Layer, PodView, ReconcileFigures } from "../../lib/reconcile/ports";
import { remembered } from "../../lib/reconcile/remembered";
import { createReconciler, type Reconciler } from "../../lib/reconcile/reconciler";
import type { Node } from "../../lib/attachment/context";
import { systemClock } from "../../lib/node/clock";
import { createExec, createTiedExec } from "../../lib/node/exec";
import { localHost } from "../../lib/node/host";
import { startStream } from "../../lib/node/stream";
import type { Mark } from "../../lib/net/mark";
import type { Log } from "../../lib/ports";
import { openNode, type Shared } from "../deps";
import type { Io } from "../io";
import { startCollecting } from "./collect";
import type { Say } from "./say";
import type { Settings } from "./settings";

/** How often it is asked whether the routes of a changed conflist are there (ms). */
const LED_POLL_MS = 50;

export interface ReconcileService {
  /** Looks soon, because annotations may have changed. */
  wake(): void;
  figures(): ReconcileFigures;
  /** Resolves when nothing is looked at or changed any more. The marks stay as they are. */
  stop(): Promise<void>;
}

export interface ReconcileOptions {
  readonly io: Io;
  readonly log: Log;
  readonly say: Say;
  /** Whether packets with a mark are led to its tenant. */
  readonly leads?: (conf: PluginConf, mark: Mark) => boolean;
  /** What the node is opened with. */
  readonly shared?: Shared;
  /** Whether a line of nft monitor is about what the agent itself has removed. */
  readonly isOwn?: (line: string) => boolean;
  /** What the agent knows of pods; left out, it knows nothing. */
  readonly pods?: PodView;
  /** What is installed for each mark besides it, for a configuration. */
  readonly guard?: (conf: PluginConf, node: Node) => readonly Layer[];
}

/** Keeps the marks as the record and the annotations say, and takes down what nobody will delete. */
export function startReconcile(settings: Settings, options: ReconcileOptions): ReconcileService {
  const { io, log, say, shared = {}, pods, guard = () => [], leads = () => true } = options;
  let used = settings.current().conf;
  const node = keptFor(settings, (conf) => {
    const opened = openNode(conf, log, {
      ...shared,
      exec: createTiedExec(createExec(), localHost),
    });
    return { ...opened, records: remembered(opened.journal) };
  });
  const reconciler = createReconciler({
    clock: systemClock,
    pods,
    say,
    target: () => {
      const { conf: newest } = settings.current();
      // Pods keep their marks until the routes of the new ones are there.
      if (newest.tenants?.every(({ mark }) => leads(newest, mark)) ?? true) used = newest;
      else setTimeout(() => reconciler.wake(), LED_POLL_MS);
      const conf = used;
      const { records, locks, backend } = node();
      const opened = backend.open({});
      const marks: Layer = { name: "marks", backend, marks: opened };
      const home = { place: () => backend.home(), probe: () => opened.probe() };
      return { conf, journal: records, locks, home, layers: [marks, ...guard(conf, node())] };
    },
  });
  settings.onChange(() => reconciler.wake());
  const monitor = startMonitor(reconciler, options);
  const running = reconciler.run();
  const collecting = startCollecting({ node, conf: () => settings.current().conf, io, say });
  return {
    wake: () => reconciler.wake(),
    figures: () => reconciler.figures(),
    stop: async () => {
      monitor.stop();
      reconciler.stop();
      await Promise.all([running, collecting.stop()]);
    },
  };
}

function startMonitor(
  reconciler: Reconciler,
  { shared: { runner } = {}, isOwn }: ReconcileOptions,
): { stop(): void } {
  return monitorFirewall({
    start: startStream,
    host: localHost,
    clock: systemClock,
    ...(isOwn && { isOwn }),
    onEvent: () => {
      runner?.known.forget();
      reconciler.wake();
    },
    onTrouble: (why) => {
      runner?.known.watched(why === "");
      reconciler.note("monitor", why);
    },
  });
}

// Opened again when the configuration has changed.
function keptFor<T extends Node>(settings: Settings, open: (conf: PluginConf) => T): () => T {
  let kept: { readonly conf: PluginConf; readonly node: T } | undefined;
  return () => {
    const { conf } = settings.current();
    if (kept?.conf !== conf) kept = { conf, node: open(conf) };
    return kept.node;
  };
}
