import type { PluginConf } from "../../conf/types";
import type { Node } from "../../lib/attachment/context";
import type { Log, PodSource } from "../../lib/ports";
import { openNode, type Shared } from "../deps";

/** Configurations whose node is kept; a node has one, and two while its conflist is being changed. */
const KEPT = 8;

/**
 * The nodes for requests: requests with the same settings share one. `pods`: what the agent knows of pods;
 * undefined where it knows nothing, for such a configuration.
 */
export function createNodes(
  log: Log,
  pods: (conf: PluginConf) => PodSource | undefined,
  shared: Shared,
): (conf: PluginConf) => Node {
  const nodes = new Map<string, Node>();
  return (conf) => {
    const key = JSON.stringify(settingsOf(conf));
    const known = nodes.get(key);
    if (known !== undefined) return known;
    const node = openNode(conf, log, shared);
    const made: Node = {
      ...node,
      pods: async () => pods(conf) ?? node.pods(),
      // The agent does it by itself; no pod has to wait for it.
      isCollectionDue: () => false,
    };
    const [oldest] = nodes.keys();
    if (nodes.size >= KEPT && oldest !== undefined) nodes.delete(oldest);
    nodes.set(key, made);
    return made;
  };
}

// What a node is opened with, and nothing of a single request.
function settingsOf(conf: PluginConf): unknown {
  const { dataDir, backend, guard, iptables, kubeconfig, apiTimeoutMs, lockTimeoutMs } = conf;
  return [dataDir, backend, guard, iptables, kubeconfig, apiTimeoutMs, lockTimeoutMs];
}
