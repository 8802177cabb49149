/** Starts a program on a node and kills it, or what it has started, at a given moment. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";

/** alone: as at a runtime's deadline. tree: as at the end of the runtime's control group. below: its programs, but not itself. */
export const KILLERS = {
  alone: (pid: number) => signal(pid, "SIGKILL"),
  tree: killTree,
  below: (pid: number) => childrenOf(pid).filter((child) => signal(child, "SIGKILL")).length > 0,
} as const satisfies Readonly<Record<string, (pid: number) => boolean>>;

export interface Killed {
  /** The program's exit status; null when the kill ended it. */
  readonly exit: number | null;
  /** Something was there to be killed. */
  readonly hit: boolean;
}

export interface Doomed {
  readonly netns: string;
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

/**
 * Resolves when the process has ended. From the moment on `kill` is given its PID until it finds something to
 * kill, or the process has ended.
 */
export async function killAfter(
  ms: number,
  kill: (pid: number) => boolean,
  { netns, command, env, stdin }: Doomed,
): Promise<Killed> {
  let hit = false;
  const child = spawn("ip", ["netns", "exec", netns, command], {
    env,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", resolve);
  });
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(stdin);
  let timer: NodeJS.Timeout;
  const attempt = (): void => {
    hit = kill(child.pid as number);
    if (!hit) timer = setTimeout(attempt, 1);
  };
  timer = setTimeout(attempt, ms);
  const exit = await ended.finally(() => clearTimeout(timer));
  return { exit, hit };
}

/** Stops top-down, so that nothing new is started while the tree is walked, then kills all of it. */
function killTree(root: number): boolean {
  const stopped: number[] = [];
  for (const queue = [root]; queue.length > 0;) {
    const pid = queue.pop() as number;
    if (signal(pid, "SIGSTOP")) stopped.push(pid);
    queue.push(...childrenOf(pid));
  }
  for (const pid of stopped) signal(pid, "SIGKILL");
  return stopped.includes(root);
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false; // it has ended
  }
}

function childrenOf(pid: number): readonly number[] {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return [];
  try {
    return readdirSync(tasks).flatMap((task) =>
      readFileSync(`${tasks}/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return []; // it ended meanwhile
  }
}
