import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { ExecAuth } from "@kubernetes/client-node/dist/exec_auth.js";
import type { RequestOptions } from "node:https";
import { CniError } from "../cni/error";
import { quote } from "../cni/json";
import { reasonOf } from "../text/reason";
import type { Kubeconfig } from "./kubeconfig";

/** An ExecCredential is a token or a certificate with its key. */
const MAX_OUTPUT = 1024 * 1024;
/** Where execvp(3) looks without a PATH. */
const DEFAULT_PATH = "/bin:/usr/bin";

interface ExecConfig {
  readonly apiVersion?: unknown;
  readonly command: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { name: string; value: string }[] | null;
}

/**
 * Runs the user's credential plugin (client.authentication.k8s.io ExecCredential) and applies
 * what it prints to `options`. The plugin gets our environment and KUBERNETES_EXEC_INFO, no
 * stdin, and at most `timeoutMs`; then its process group is killed.
 * Throws CniError `kubeconfig` when it fails, `tryAgainLater` when it takes too long.
 */
export async function applyExecCredential(
  kubeconfig: Kubeconfig,
  options: RequestOptions,
  timeoutMs: number,
): Promise<void> {
  const exec = readExec(kubeconfig);
  const runner = new BoundedSpawn(timeoutMs);
  const auth = new ExecAuth();
  // client-node offers no public way to bound a plugin that hangs or floods.
  Reflect.set(auth, "execFn", runner.spawn);
  try {
    await auth.applyAuthentication({ ...kubeconfig.user, exec: withExecInfo(exec) }, options);
  } catch (error) {
    throw failure(kubeconfig.path, exec, runner, error);
  } finally {
    runner.stop();
  }
}

/**
 * Looks whether the user's credential plugin could be started, without starting it.
 * Throws CniError `kubeconfig` when not.
 */
export async function findExecPlugin(kubeconfig: Kubeconfig): Promise<void> {
  const exec = readExec(kubeconfig);
  const { command } = exec;
  const path =
    new Map((exec.env ?? []).map(({ name, value }) => [name, value])).get("PATH") ??
    process.env["PATH"] ??
    DEFAULT_PATH;
  const places = command.includes("/")
    ? [command]
    : path.split(":").map((dir) => `${dir === "" ? "." : dir}/${command}`);
  const problems = places.map(startProblem);
  if (problems.includes(undefined)) return;
  throw notStarted(kubeconfig.path, exec, problems.find((code) => code !== "ENOENT") ?? "ENOENT");
}

function startProblem(file: string): string | undefined {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile() ? undefined : "EACCES";
  } catch (error) {
    return reasonOf(error);
  }
}

/** Throws CniError `kubeconfig` for an exec section that no plugin can be started from. */
function readExec({ path, user }: Kubeconfig): ExecConfig {
  const exec = user.exec as Record<keyof ExecConfig, unknown>;
  const { command, args, env } = exec;
  const isWord = (value: unknown): boolean => typeof value === "string" && !value.includes("\0");
  const isPair = (pair: unknown): boolean =>
    isWord((pair as { name?: unknown } | null)?.name) &&
    isWord((pair as { value?: unknown } | null)?.value);
  const areAll = (list: unknown, is: (value: unknown) => boolean): boolean =>
    (list ?? undefined) === undefined || (Array.isArray(list) && list.every(is));
  if (isWord(command) && command !== "" && areAll(args, isWord) && areAll(env, isPair))
    return exec as ExecConfig;
  throw new CniError(
    "kubeconfig",
    `kubeconfig ${path}: users[].user.exec cannot be used: write command as a text, args as a list of texts, env as a list of name and value`,
  );
}

function notStarted(path: string, exec: ExecConfig, code: string): CniError {
  return new CniError(
    "kubeconfig",
    `${nameOf(path, exec)} cannot be started (${code}): install it or correct users[].user.exec.command`,
  );
}

function nameOf(path: string, exec: ExecConfig): string {
  return `credential plugin ${quote(exec.command)} of kubeconfig ${path}`;
}

function withExecInfo(exec: ExecConfig): ExecConfig {
  const info = {
    apiVersion: exec.apiVersion,
    kind: "ExecCredential",
    spec: { interactive: false },
  };
  return {
    ...exec,
    env: [...(exec.env ?? []), { name: "KUBERNETES_EXEC_INFO", value: JSON.stringify(info) }],
  };
}

function failure(path: string, exec: ExecConfig, runner: BoundedSpawn, error: unknown): CniError {
  const plugin = nameOf(path, exec);
  if (runner.stopped === "timeout") {
    return new CniError(
      "tryAgainLater",
      `${plugin} did not finish within ${Math.round(runner.timeoutMs)} ms: run it by hand to see why`,
    );
  }
  if (runner.stopped === "flood")
    return new CniError("kubeconfig", `${plugin} printed more than ${MAX_OUTPUT} bytes`);
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined) return notStarted(path, exec, code);
  // Its stderr is left out: that, too, may be the token.
  if (runner.exitStatus !== 0)
    return new CniError(
      "kubeconfig",
      `${plugin} failed (${runner.exitStatus}): run it by hand to see why`,
    );
  // The parser's message is left out: it quotes the output, which may be the token.
  return new CniError("kubeconfig", `${plugin} did not print an ExecCredential with a status`);
}

class BoundedSpawn {
  stopped: "timeout" | "flood" | undefined;
  exitStatus: number | string | undefined;
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(readonly timeoutMs: number) {}

  readonly spawn = (
    command: string,
    args: readonly string[] | null | undefined,
    options: object,
  ): ChildProcess => {
    const child = spawn(command, args ?? [], {
      ...options,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#timer = setTimeout(() => this.#kill("timeout"), this.timeoutMs);
    let size = 0;
    const count = (chunk: string): void => {
      size += chunk.length;
      if (size > MAX_OUTPUT) this.#kill("flood");
    };
    child.stdout?.on("data", count);
    child.stderr?.on("data", count);
    child.on("exit", (code, signal) => {
      this.exitStatus = code ?? signal ?? undefined;
    });
    return child;
  };

  stop(): void {
    clearTimeout(this.#timer);
  }

  #kill(why: "timeout" | "flood"): void {
    if (this.stopped !== undefined || this.#child?.pid === undefined) return;
    this.stopped = why;
    try {
      process.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // The group ended in the same moment.
    }
    // A grandchild that left the group would keep the pipes, and us, open.
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }
}
