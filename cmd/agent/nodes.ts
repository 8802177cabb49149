import type { PluginConf } from "../../conf/types";
import type { Node } from "../../lib/attachment/context";
import type { Mark } from "../../lib/net/mark";
import type { Log, MarkBackend, PodSource } from "../../lib/ports";
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
  isLed: (conf: PluginConf, mark: Mark) => Promise<void>,
): (conf: PluginConf) => Node {
  const nodes = new Map<string, Node>();
  return (conf) => {
    const key = JSON.stringify(settingsOf(conf));
    const node = nodes.get(key) ?? openNode(conf, log, shared);
    const [oldest] = nodes.keys();
    if (nodes.size >= KEPT && oldest !== undefined && !nodes.has(key)) nodes.delete(oldest);
    nodes.set(key, node);
    return {
      ...node,
      backend: ledFirst(node.backend, (mark) => isLed(conf, mark)),
      pods: async () => pods(conf) ?? node.pods(),
      // The agent does it by itself; no pod has to wait for it.
      isCollectionDue: () => false,
    };
  };
}

// A mark that leads nowhere yet would take the node's default route.
function ledFirst(backend: MarkBackend, isLed: (mark: Mark) => Promise<void>): MarkBackend {
  return {
    ...backend,
    open: (environment) => {
      const marks = backend.open(environment);
      return {
        ...marks,
        install: async (order) => {
          await isLed(order.mark);
          return marks.install(order);
        },
      };
    },
  };
}

// What a node is opened with, and nothing of a single request: this is asked for each of them.
function settingsOf(conf: PluginConf): unknown {
  const { dataDir, backend, guard, iptables, kubeconfig, apiTimeoutMs, lockTimeoutMs } = conf;
  return [dataDir, backend, guard, iptables, kubeconfig, apiTimeoutMs, lockTimeoutMs];
}
