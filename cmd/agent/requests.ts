import { createLoader } from "../../conf/load";
import { CniError } from "../../lib/cni/error";
import type { Launcher } from "../../lib/agent/launcher";
import type { Queue } from "../../lib/agent/queue";
import type { RequestReport } from "../../lib/agent/metrics/sources";
import { runPlugin, type Asker } from "../plugin";

/** A node has one configuration, in the forms of three verbs, and two while its conflist is being changed. */
const loadRemembered = createLoader(16);

export interface Serving {
  readonly queue: Queue;
  readonly openNode: Asker["openNode"];
  readonly onEnd: (report: RequestReport) => void;
}

/** Answers a launcher's request as the one-shot plugin does; returns the exit status. Never throws. */
export function serveRequest(launcher: Launcher, id: string, serving: Serving): Promise<number> {
  const { queue, openNode, onEnd } = serving;
  let asked: number | undefined;
  let begun: number | undefined;
  const report = (outcome: Pick<RequestReport, "verb" | "code">): void => {
    const now = performance.now();
    onEnd({
      ...outcome,
      seconds: (now - launcher.since) / 1000,
      waitedSeconds: asked === undefined ? undefined : ((begun ?? now) - asked) / 1000,
    });
  };
  return runPlugin({
    env: launcher.env,
    readStdin: () => launcher.stdin,
    stderr: (text) => launcher.stderr(text),
    answer: (text, status) => launcher.answer(status, text),
    openNode,
    loadConf: loadRemembered,
    onOutcome: report,
    remote: {
      id,
      exec: launcher.exec,
      isGone: () => launcher.isGone(),
      helpers: launcher.pid === undefined ? [] : [launcher.pid],
    },
    inTurn: (body) => {
      asked = performance.now();
      return queue.run(() => {
        begun = performance.now();
        if (launcher.isGone()) throw unheard();
        return body();
      });
    },
  });
}

function unheard(): CniError {
  return new CniError(
    "superseded",
    "the process that asked has ended before it was its turn: nothing was done",
  );
}
