/** Composition root of the node routes. */
import { join } from "node:path";
import type { PluginConf } from "../../../conf/types";
import { createExec } from "../../../lib/node/exec";
import { createJournal } from "../../../lib/attachment/journal";
import { createLock } from "../../../lib/node/lock";
import type { Lock } from "../../../lib/ports";
import type { RoutesNode } from "../../../lib/routes/apply";
import { carriedMarks } from "../../../lib/routes/plan/retired-marks";
import { createForwardTable } from "../../../lib/routes/kernel/forward";
import { createKernel } from "../../../lib/routes/kernel/kernel";
import { createPrograms } from "../../../lib/node/programs";
import { createRecordFile } from "../../../lib/routes/kernel/record";
import { lookAround } from "../../../lib/routes/conflicts/surroundings";
import { createWatcherSeat, type WatcherSeat } from "../../../lib/routes/watch/watcher-lock";

export interface RoutesAdapters extends RoutesNode {
  /** Between commands that change the routes; prepares the directory first. */
  readonly lock: Lock;
  readonly seat: WatcherSeat;
}

/** The node's routes with what was done to them. */
export function routesNode(conf: PluginConf): RoutesAdapters {
  const [exec, programs] = [createExec(), createPrograms(createExec())];
  const forward = createForwardTable({
    exec,
    configured: conf.iptables,
    dataDir: conf.dataDir,
    lockTimeoutMs: conf.lockTimeoutMs,
  });
  // Beside the attachments' records, in a directory of its own: those are listed by their file names.
  const dir = join(conf.dataDir, "routes");
  const lock = createLock(dir);
  return {
    kernel: createKernel(programs, forward),
    records: createRecordFile(dir),
    seat: createWatcherSeat(dir),
    carriedMarks: () => carriedMarks(createJournal(conf.dataDir)),
    lookAround: () => lookAround(programs, forward, conf.routes.namesDir),
    lock: {
      hold: (timeoutMs, body) => {
        createJournal(conf.dataDir).prepare();
        createJournal(dir).prepare();
        return lock.hold(timeoutMs, body);
      },
    },
  };
}
