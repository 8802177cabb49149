/** The agent of a lab as a process: started, signalled, asked for a sign of life. */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { CniError } from "../../../cni/error";
import type { Setup } from "../lab";
import type { Machine } from "../machines";

/** How long anything may take that an agent does within a second (ms). */
export const LIMIT_MS = 60_000;
const HELLO_MS = 2000;
/** A request without environment and stdin; "go" never follows, so nothing is done for it (decision 0078). */
const GREETING = Buffer.from("TRAGENT\u0001Q\u0004\0\0\0\0\0\0\0", "latin1");
const HELLO = "H".charCodeAt(0);

export interface Resident {
  readonly pid: number;
  /** One that has ended by itself takes none; its log says why. */
  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void;
  /** Resolves when it has ended. False when that does not come within LIMIT_MS. */
  ended(): Promise<boolean>;
  /** Whether its log has such an event. */
  said(event: string): boolean;
  /** Lines so far that report something wrong about a thing. */
  conditions(about: string): number;
  /** Resolves when it listens. Throws CniError `io` with what it said when it does not. */
  listening(): Promise<void>;
}

/** Starts `wrapper agent` on the node. `name` is its log's, and the transcript's. */
export async function startAgent(
  { dir, binary, shell, transcript }: Setup,
  node: Machine,
  conflist: string,
  name: string,
): Promise<Resident> {
  const log = join(dir, `${name}.log`);
  const words = ["agent", "--conf", conflist, "--sysctl", "--output", "json"];
  transcript.command(
    node.name,
    `wrapper ${words.join(" ").replaceAll(`${dir}/`, "")} &   (${name})`,
  );
  const { pid } = await node.background(["sh", "-c", 'exec "$@" 2>"$0"', log, binary, ...words]);
  const said = (event: string): boolean => textOf(log).includes(`"event":"${event}"`);
  return {
    pid,
    signal: (signal) => void (isRunning(pid) && process.kill(pid, signal)),
    ended: () => shell.until(() => !isRunning(pid), LIMIT_MS),
    said,
    conditions: (about) =>
      textOf(log)
        .split("\n")
        .filter((line) => line.includes('"event":"condition"') && line.includes(about)).length,
    listening: async () => {
      if (await shell.until(() => said("start") || !isRunning(pid), LIMIT_MS))
        if (said("start")) return;
      throw new CniError("io", `the agent does not listen: ${textOf(log)}`);
    },
  };
}

/** Whether an agent says hello at the socket; all who knocked before have been let in then. */
export function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => socket.write(GREETING));
    const finish = (hello: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(hello);
    };
    const timer = setTimeout(() => finish(false), HELLO_MS);
    socket.on("data", ([type]: Buffer) => finish(type === HELLO));
    socket.on("error", () => finish(false)).on("end", () => finish(false));
  });
}

/** False for one that nobody has waited for yet, too: it does nothing any more, and holds nothing. */
export function isRunning(pid: number): boolean {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat !== "" && !stat.slice(stat.lastIndexOf(")")).startsWith(") Z");
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
