/** Starts the binary on a node and kills it, alone or with everything that it has started, at a given moment. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";

/** alone: as at a runtime's deadline. tree: as at the end of the runtime's control group. */
export const KILLS = ["alone", "tree"] as const;
export type Kill = (typeof KILLS)[number];

export interface Doomed {
  readonly netns: string;
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
}

/** Resolves when the process has ended, with true when the kill ended it. */
export async function killAfter(
  ms: number,
  kill: Kill,
  { netns, command, env, stdin }: Doomed,
): Promise<boolean> {
  const child = spawn("ip", ["netns", "exec", netns, command], {
    env,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = new Promise<boolean>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (_code, signal) => resolve(signal === "SIGKILL"));
  });
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(stdin);
  const timer = setTimeout(() => {
    if (kill === "alone") child.kill("SIGKILL");
    else killTree(child.pid as number);
  }, ms);
  return ended.finally(() => clearTimeout(timer));
}

/** Stops top-down, so that nothing new is started while the tree is walked, then kills all of it. */
function killTree(root: number): void {
  const stopped: number[] = [];
  for (const queue = [root]; queue.length > 0;) {
    const pid = queue.pop() as number;
    if (signal(pid, "SIGSTOP")) stopped.push(pid);
    queue.push(...childrenOf(pid));
  }
  for (const pid of stopped) signal(pid, "SIGKILL");
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
