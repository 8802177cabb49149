/** Composition root of the node routes. */
import { join } from "node:path";
import type { PluginConf } from "../../../conf/types";
import { createExec } from "../../../lib/node/exec";
import { createJournal } from "../../../lib/attachment/journal";
import { createLock } from "../../../lib/node/lock";
import type { Lock } from "../../../lib/ports";
import type { RoutesNode } from "../../../lib/routes/apply";
import type { ResolvedGateway } from "../../../lib/routes/model";
import type { Io } from "../../io";
import { mayHaveGuard } from "../../backends";
import { carriedMarks } from "./carried-marks";
import { createForwardTable, type ForwardTable } from "../../../lib/routes/kernel/forward";
import { createKernel } from "../../../lib/routes/kernel/kernel";
import { createPrograms } from "../../../lib/node/programs";
import { createRecordFile } from "../../../lib/routes/kernel/record";
import { readSurroundings } from "../../../lib/routes/kernel/surroundings";
import type { WatchLine } from "../../../lib/routes/watch/report";
import { createWatcherLock, type WatcherLock } from "../../../lib/routes/watch/watcher-lock";

/** One call of `wrapper routes`: its options and what it works with. */
export interface RoutesRun {
  readonly io: Io;
  readonly conf: PluginConf;
  /** Path of the configuration. */
  readonly path: string;
  readonly node: RoutesAdapters;
  readonly json: boolean;
  /** Whether kernel settings are changed, too. */
  readonly sysctl: boolean;
  /** Goes ahead in spite of collisions. */
  readonly force: boolean;
  /** Goes ahead although every tenant is taken away, without a question. */
  readonly yes?: boolean;
  /** For a watcher: called when the routes of a configuration are in force, with its gateways as they are now. */
  readonly onKept?: (conf: PluginConf, gateways: readonly ResolvedGateway[]) => void;
  /** For a watcher: hears each line of its log, too. */
  readonly onLine?: (line: WatchLine) => void;
}

export interface RoutesAdapters extends RoutesNode {
  /** Held by commands that change the routes. It creates its directory. */
  readonly lock: Lock;
  readonly watcherLock: WatcherLock;
}

/** The FORWARD chain of this node. */
export function forwardTable(conf: PluginConf): ForwardTable {
  return createForwardTable({
    exec: createExec(),
    configured: conf.iptables,
    dataDir: conf.dataDir,
    lockTimeoutMs: conf.lockTimeoutMs,
  });
}

/** The adapters of this node and network namespace. */
export function routesNode(
  conf: PluginConf,
  forward: ForwardTable = forwardTable(conf),
): RoutesAdapters {
  const programs = createPrograms(createExec());
  // A directory of its own, because the attachments' records beside it are listed by their file
  // names.
  const dir = join(conf.dataDir, "routes");
  const lock = createLock(dir);
  return {
    kernel: createKernel(programs, forward),
    records: createRecordFile(dir),
    watcherLock: createWatcherLock(dir),
    carriedMarks: () => carriedMarks(createJournal(conf.dataDir)),
    isGuarded: () => conf.guard && mayHaveGuard(conf.dataDir) && programs.has("nft"),
    readSurroundings: () => readSurroundings(programs, forward, conf.routes.namesDir),
    lock: {
      hold: (timeoutMs, body) => {
        createJournal(conf.dataDir).prepare();
        createJournal(dir).prepare();
        return lock.hold(timeoutMs, body);
      },
    },
  };
}
