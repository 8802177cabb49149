import { CniError } from "../../lib/cni/error";
import type { Launcher } from "../../lib/agent/launcher";
import type { Queue } from "../../lib/agent/queue";
import { runPlugin, type Asker, type RequestOutcome } from "../plugin";

export interface Serving {
  readonly queue: Queue;
  readonly openNode: Asker["openNode"];
  readonly onOutcome: (outcome: RequestOutcome) => void;
}

/** Answers a launcher's request as the one-shot plugin does; returns the exit status. Never throws. */
export function serveRequest(launcher: Launcher, id: string, serving: Serving): Promise<number> {
  const { queue, openNode, onOutcome } = serving;
  return runPlugin({
    env: launcher.env,
    readStdin: () => launcher.stdin,
    stderr: (text) => launcher.stderr(text),
    answer: (text, status) => launcher.answer(status, text),
    openNode,
    onOutcome,
    remote: {
      id,
      exec: launcher.exec,
      isGone: () => launcher.isGone(),
      helpers: launcher.pid === undefined ? [] : [launcher.pid],
    },
    inTurn: (body) =>
      queue.run(() => {
        if (launcher.isGone()) throw unheard();
        return body();
      }),
  });
}

function unheard(): CniError {
  return new CniError(
    "superseded",
    "the process that asked has ended before it was its turn: nothing was done",
  );
}
