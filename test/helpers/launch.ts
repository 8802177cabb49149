/** Starts the binary in a network namespace and watches it until it has ended. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { startOf } from "./mode";
import { parse, type Outcome } from "./outcome";

/** What is under test. */
export const BINARY = resolve(__dirname, "../../dist/tenant-routing-wrapper");

/** A runtime's own: the kubelet gives a sandbox four minutes. A hang is a failure with `signal` SIGKILL. */
const LIMIT_MS = 240_000;
const IP =
  ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"].find((path) => existsSync(path)) ?? "ip";

export interface Launch {
  readonly netns: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string | Uint8Array;
  readonly options: {
    readonly wrap?: string;
    readonly stdin?: "data" | "open" | "closed";
    readonly stdout?: "read" | "closed" | "stuck";
    readonly killAfterMs?: number;
    readonly killWhen?: () => boolean;
    readonly measure?: boolean;
  };
}

/**
 * `ip netns exec` and the shell replace themselves by the binary, so its PID is the child's, and
 * what a delegate sees as $PPID is the binary.
 */
export async function launch(request: Launch): Promise<Omit<Outcome, "id" | "calls">> {
  const { stdout: reader = "read", stdin } = request.options;
  const started = performance.now();
  const { command, env } = await inMode(request);
  const child = spawn(IP, ["netns", "exec", request.netns, ...shellBefore(request), ...command], {
    env,
  });
  const disarm = arm(child, request.options);
  const memory = request.options.measure === true ? watchMemory(child) : () => Number.NaN;
  child.stdin.on("error", () => undefined); // a plugin need not read its stdin
  if (stdin !== "open") child.stdin.end(request.stdin);
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  if (reader === "read") child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  if (reader === "closed") child.stdout.destroy();
  const [exit, signal] = await ended(child, reader !== "read");
  disarm();
  child.stdout.destroy();
  const stdout = Buffer.concat(out).toString("utf8");
  return {
    exit,
    signal,
    stdout,
    stderr: Buffer.concat(err).toString("utf8"),
    ms: performance.now() - started,
    maxRssMiB: memory(),
    json: parse(stdout),
  };
}

/** The same with the plugin of this run's mode in the place of the packed binary. */
async function inMode(request: Launch): Promise<Pick<Launch, "command" | "env">> {
  const { command, env, netns, options } = request;
  const [program = "", ...args] = command;
  if (program !== BINARY || args.length > 0) return request;
  const start = await startOf(program, netns, options.wrap === undefined);
  return { command: [start.plugin], env: { ...start.env, ...env } };
}

/** The shell that runs `wrap` and then becomes the binary; nothing when there is nothing to run. */
function shellBefore({ options: { wrap, stdin } }: Launch): readonly string[] {
  const closing = stdin === "closed" ? "exec 0<&-" : "";
  if (wrap === undefined && closing === "") return [];
  return ["/bin/sh", "-ec", `${wrap ?? ""}\n${closing}\nexec "$@"`, "sh"];
}

function arm(
  child: ChildProcess,
  { killAfterMs = LIMIT_MS, killWhen = () => false }: Launch["options"],
): () => void {
  const killer = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  const watcher = setInterval(() => killWhen() && child.kill("SIGKILL"), 5);
  return () => {
    clearTimeout(killer);
    clearInterval(watcher);
  };
}

// "close" waits for all pipes: a delegate that outlives a killed wrapper may hold them for long.
function ended(child: ChildProcess, early: boolean): Promise<[number | null, string | null]> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (signal !== null || early) resolve([code, signal]);
    });
    child.on("close", (code, signal) => resolve([code, signal]));
  });
}

function watchMemory(child: ChildProcess): () => number {
  let peak = 0;
  const timer = setInterval(() => {
    try {
      const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
      peak = Math.max(peak, Number(kib ?? 0) / 1024);
    } catch {
      // gone
    }
  }, 5);
  return () => {
    clearInterval(timer);
    return peak;
  };
}
