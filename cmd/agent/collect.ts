import type { PluginConf } from "../../conf/types";
import { collectNowAndThen } from "../../lib/attachment/collect";
import type { Node } from "../../lib/attachment/context";
import { atWork } from "../../lib/attachment/verbs";
import { forRequest, nextRequest, ownRequest } from "../deps";
import type { Io } from "../io";
import type { Say } from "./say";

/** How often it is asked whether it is time; another process of the node may have done it (ms). */
const ASK_MS = 5000;

export interface CollectOptions {
  readonly node: () => Node;
  readonly conf: () => PluginConf;
  readonly io: Io;
  readonly say: Say;
}

/** Takes down attachments whose sandbox is gone once a minute, as an ADD does where there is no agent. */
export function startCollecting(options: CollectOptions): { stop(): Promise<void> } {
  let running = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = collect(options).finally(() => (busy = false));
  }, ASK_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return running;
    },
  };
}

async function collect({ node: openedNode, conf, io, say }: CollectOptions): Promise<void> {
  const node = openedNode();
  const context = forRequest(node, {
    cni: ownRequest("GC", []),
    conf: conf(),
    io,
    log: { write: (_level, message) => say({ event: "collect", message }) },
    remote: { id: nextRequest(), exec: node.exec, isGone: () => false, helpers: [] },
  });
  await atWork(context, () => collectNowAndThen(context));
}
