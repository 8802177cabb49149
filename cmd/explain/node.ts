/** Composition root of `wrapper explain`. */
import type { PluginConf } from "../../conf/types";
import type { ExplainNode } from "../../lib/explain/node/gather";
import { createGuard } from "../../lib/marks/nftables/guard";
import { systemClock } from "../../lib/node/clock";
import { createExec } from "../../lib/node/exec";
import { createPrograms } from "../../lib/node/programs";
import type { Node } from "../../lib/attachment/context";
import type { Log } from "../../lib/ports";
import { createForwardTable } from "../../lib/routes/kernel/forward";
import { createProbes } from "../../lib/routes/watch/probe";
import { mayHaveGuard, newRunner } from "../backends";
import { routesNode } from "../commands/routes/run";
import { openNode } from "../deps";

/** How long the API server is asked about a pod that has no record (ms). */
const ASK_MS = 2000;

export interface Opened {
  readonly node: Node;
  readonly explain: ExplainNode;
}

/** The adapters of this node. `option`: ` --conf FILE`, or "". */
export function openExplain(conf: PluginConf, option: string, log: Log): Opened {
  const exec = createExec();
  const runner = newRunner(conf, { exec });
  const apiTimeoutMs = Math.min(conf.apiTimeoutMs, ASK_MS);
  const node = openNode({ ...conf, apiTimeoutMs }, log, { exec, runner });
  const programs = createPrograms(exec);
  const forward = createForwardTable({
    exec,
    configured: conf.iptables,
    dataDir: conf.dataDir,
    lockTimeoutMs: conf.lockTimeoutMs,
  });
  return {
    node,
    explain: {
      conf,
      option,
      programs,
      routes: routesNode(conf),
      backend: node.backend,
      nft: runner,
      guard: createGuard(runner),
      hasGuard: () => mayHaveGuard(conf.dataDir),
      saved: () => forward.saved(true),
      probes: createProbes(programs, systemClock),
    },
  };
}
