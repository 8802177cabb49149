/** What the watcher works with: the node, the time, its log and its status. */
import type { PluginConf } from "../../../conf/types";
import type { Clock, Lock } from "../../ports";
import type { RoutesNode } from "../apply";
import type { EventQueue } from "./events";
import type { Probes } from "./probe";
import type { StatusPorts } from "./status";
import type { WatchLine } from "./report";
import type { WatcherLock } from "./watcher-lock";

export interface WatchTarget {
  /** Path of the configuration. */
  readonly path: string;
  readonly conf: PluginConf;
  readonly node: RoutesNode & {
    readonly lock: Lock;
    readonly probes: Probes;
    readonly watcherLock: Pick<WatcherLock, "publish" | "lostBefore">;
  };
}

export interface WatchPorts extends StatusPorts {
  readonly clock: Clock;
  readonly events: EventQueue;
  readonly pid: number;
  readonly say: (line: WatchLine) => void;
  /** The configuration as it is now. Throws a CniError when it is unusable. */
  readonly reload: () => WatchTarget;
  readonly removeStatus: (path: string) => void;
}

export interface WatchOptions {
  readonly sysctl: boolean;
  /** Goes ahead in spite of collisions. */
  readonly force: boolean;
}
