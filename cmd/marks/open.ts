/** What the commands about marks look through. */
import type { PluginConf } from "../../conf/types";
import type { Node } from "../../lib/attachment/context";
import { readForeign, type Foreign } from "../../lib/checks/foreign/read";
import { createPrograms } from "../../lib/node/programs";
import type { Log } from "../../lib/ports";
import { createForwardTable } from "../../lib/routes/kernel/forward";
import type { Values } from "../command";
import { findConf } from "../conflist";
import { openNode } from "../deps";
import type { Io } from "../io";

export interface Opened {
  readonly conf: PluginConf;
  /** Of the conflist. */
  readonly path: string;
  readonly node: Node;
  /** Warnings go to stderr. */
  readonly log: Log;
}

/** The conflist that the options name, and the node as it has it. Throws CniError as findConf does. */
export function openMarks(io: Io, values: Values): Opened {
  const { conf, path, warnings } = findConf(values.conf);
  for (const warning of warnings) io.stderr(`${path}: ${warning}\n`);
  const log: Log = { write: (_level, message) => io.stderr(`${message}\n`) };
  const node = openNode(conf, log);
  node.journal.inspect();
  return { conf, path, node, log };
}

/** The foreign rules of this node. */
export function foreignOf({ conf, node }: Opened): Promise<Foreign> {
  const { iptables: configured, dataDir, lockTimeoutMs } = conf;
  const firewall = createForwardTable({ exec: node.exec, configured, dataDir, lockTimeoutMs });
  return readForeign(createPrograms(node.exec), firewall);
}
