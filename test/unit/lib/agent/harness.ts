/** An agent's socket in a directory of the test's own, with a `serve` that the test chooses. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CniError } from "../../../../lib/cni/error";
import { startServer, type AgentServer, type ServerOptions } from "../../../../lib/agent/server";
import type { Launcher } from "../../../../lib/agent/launcher";
import {
  connectLauncher,
  goFrame,
  requestFrame,
  type FakeLauncher,
} from "../../../helpers/fake-launcher";
import { FakeExec } from "../../../helpers/fakes";
import { GREETING } from "../../../../lib/agent/frames";

export interface Rig {
  readonly dir: string;
  readonly path: string;
  /** Garbage that was reported. */
  readonly garbage: CniError[];
  /** Requests that came to be served. */
  readonly served: Launcher[];
  /** Programs that were run in the agent's own process. */
  readonly local: FakeExec;
  serve: ServerOptions["serve"];
  start(part?: Partial<ServerOptions>): Promise<AgentServer>;
  /** A launcher that has said its request. */
  requesting(stdin?: string): Promise<FakeLauncher>;
  /** A launcher whose request is served. */
  going(stdin?: string): Promise<FakeLauncher>;
}

/** A rig a test; servers and launchers are closed after it. */
export function useRig(): Rig {
  const rig = {} as { -readonly [K in keyof Rig]: Rig[K] };
  let open: (() => void)[] = [];
  beforeEach(() => {
    const dir = mkdtempSync(join(tmpdir(), "agent-"));
    open = [() => rmSync(dir, { recursive: true, force: true })];
    Object.assign(
      rig,
      make(dir, rig, (close) => open.unshift(close)),
    );
  });
  afterEach(() => open.forEach((close) => close()));
  return rig;
}

function make(dir: string, rig: Rig, onEnd: (close: () => void) => void): Rig {
  let requests = 0;
  const path = join(dir, "agent.sock");
  const connected = async (): Promise<FakeLauncher> => {
    const launcher = await connectLauncher(path);
    onEnd(() => launcher.leave());
    return launcher;
  };
  const requesting = async (stdin = "{}"): Promise<FakeLauncher> => {
    const launcher = await connected();
    launcher.send(GREETING, requestFrame({ CNI_COMMAND: "ADD", A: "=b" }, stdin));
    return launcher;
  };
  return {
    dir,
    path,
    garbage: [],
    served: [],
    local: new FakeExec({ exitCode: 7 }),
    serve: async () => 0,
    start: async (part = {}) => {
      const server = await startServer({
        path,
        nextToken: () => `1 2 ${++requests}`,
        localExec: rig.local,
        serve: (launcher, token) => {
          rig.served.push(launcher);
          return rig.serve(launcher, token);
        },
        onGarbage: (error) => rig.garbage.push(error),
        onHttp: (socket) => socket.destroy(),
        ...part,
      });
      onEnd(() => server.close());
      return server;
    },
    requesting,
    going: async (stdin) => {
      const launcher = await requesting(stdin);
      await launcher.next("H");
      launcher.send(goFrame(4711));
      return launcher;
    },
  };
}

/** Waits for a condition of this process. */
export async function eventually(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("it did not happen");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
