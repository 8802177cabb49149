/** The agent's socket: it takes launchers in, and gives each to whoever answers its request. */
import { chmodSync, lstatSync, renameSync, rmSync, statSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { CniError, toCniError } from "../cni/error";
import type { Exec } from "../ports";
import { reasonOf } from "../text/reason";
import { receive, type Launcher } from "./launcher";
import { whoSpeaks } from "./sniff";

/** Bytes of a socket's path at most: sun_path of unix(7) has 108, and a suffix stands there for a moment. */
const MAX_PATH = 95;

export interface ServerOptions {
  /** Absolute path, in a directory that only root may change. */
  readonly path: string;
  /** Names the next request: `<pid> <start time> <request>`. */
  readonly nextToken: () => string;
  readonly localExec: Exec;
  /** Answers a request and returns the exit status. Never throws. */
  readonly serve: (launcher: Launcher, token: string) => Promise<number>;
  /** What somebody said who is no launcher. */
  readonly onGarbage: (error: CniError) => void;
  /** Goes on with a paused connection that speaks HTTP. */
  readonly onHttp: (socket: Socket) => void;
}

export interface AgentServer {
  /** Takes no more requests, and leaves the path to another agent. */
  close(): void;
  /** Resolves when every request that was taken has ended. */
  drained(): Promise<void>;
  /** Whether launchers that look for this agent find it. */
  isReachable(): boolean;
}

/** Listens. Throws CniError `io` when that is not possible or not safe. */
export async function startServer(options: ServerOptions): Promise<AgentServer> {
  const { path } = options;
  requireSafe(path);
  const talks = new Set<Promise<void>>();
  let stopping = false;
  const server = createServer((socket) => {
    const talk = converse(socket, options, () => stopping).finally(() => talks.delete(talk));
    talks.add(talk);
  });
  await listen(server, path);
  const inode = inodeOf(path);
  return {
    close: () => {
      stopping = true;
      // Only our own: a new agent may have put its socket there.
      if (inodeOf(path) === inode) rmSync(path, { force: true });
      server.close();
    },
    drained: async () => {
      while (talks.size > 0) await Promise.all(talks);
    },
    isReachable: () => server.listening && inodeOf(path) === inode,
  };
}

async function converse(
  socket: Socket,
  { nextToken, localExec, serve, onGarbage, onHttp }: ServerOptions,
  isStopping: () => boolean,
): Promise<void> {
  const who = await whoSpeaks(socket);
  if (who === "http" && !isStopping()) return onHttp(socket);
  if (who !== "launcher") return void socket.destroy();
  try {
    const token = nextToken();
    const received = receive(socket, { token, localExec, isStopping });
    socket.resume();
    const launcher = await received;
    launcher?.end(await serve(launcher, token));
  } catch (thrown) {
    onGarbage(toCniError(thrown));
  } finally {
    // What was written last still goes out.
    socket.end();
  }
}

// Whoever may change the directory can put a socket of his own there.
function requireSafe(path: string): void {
  const dir = dirname(path);
  const stat = statSync(dir, { throwIfNoEntry: false });
  const problem =
    stat === undefined
      ? "does not exist"
      : !stat.isDirectory()
        ? "is not a directory"
        : stat.uid !== 0 && stat.uid !== process.geteuid?.()
          ? `belongs to user ${stat.uid}`
          : (stat.mode & 0o022) === 0
            ? undefined
            : `can be changed by others (mode 0${(stat.mode & 0o777).toString(8)})`;
  if (problem !== undefined)
    throw new CniError(
      "io",
      `the directory ${dir} of the agent's socket ${problem}: make it root's with mode 0700, or set "agent.socket" in the conflist`,
    );
  if (Buffer.byteLength(path) > MAX_PATH)
    throw new CniError(
      "io",
      `the path of the agent's socket, ${path}, has more than ${MAX_PATH} bytes: set a shorter "agent.socket" in the conflist`,
    );
}

// Under another name until nobody but root may connect, so that there is no moment without an agent.
async function listen(server: Server, path: string): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  rmSync(temporary, { force: true });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen({ path: temporary, backlog: 1024 }, resolve);
    });
    chmodSync(temporary, 0o600);
    renameSync(temporary, path);
  } catch (error) {
    server.close();
    rmSync(temporary, { force: true });
    throw new CniError("io", `the agent cannot listen on ${path}: ${reasonOf(error)}`);
  }
}

function inodeOf(path: string): number | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.ino;
}
