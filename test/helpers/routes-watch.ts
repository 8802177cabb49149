/** `wrapper routes watch` as a process of a test: what it says, its status file, and its end. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { WRAPPER, type RoutesNode } from "./routes-node";
import { until } from "./shell";

export const HOLD_DOWN_MS = 1000;

interface Gateway {
  readonly family: 4 | 6;
  readonly via: string | null;
  readonly dev: string | null;
  readonly state: string;
  readonly since: string;
  readonly lastError: string | null;
}
export interface Status {
  readonly time: string;
  readonly pid: number;
  readonly conf: string;
  readonly tenants: readonly {
    readonly name: string;
    readonly state: string;
    readonly gateways: readonly Gateway[];
  }[];
  readonly repairs: number;
  readonly lastRepair: { readonly time: string; readonly commands: readonly string[] } | null;
  readonly error: string | null;
}

export interface Watching {
  readonly pid: number;
  /** Everything that it has said so far. */
  said(): string;
  /** Waits until it has said this (again, when `after` texts are to be skipped). */
  says(words: string | RegExp): Promise<void>;
  /** Waits until this is so. */
  sees<T>(what: string, condition: () => T | undefined | false): Promise<T>;
  status(): Status;
  /** Waits until the tenant is in this state, by the status file. */
  reaches(tenant: string, state: string): Promise<void>;
  /** Process IDs of its `ip monitor`: one, or none while it is restarted. */
  monitors(): readonly string[];
  signal(name: NodeJS.Signals): void;
  /** Its exit status, or the signal that ended it. */
  ended(): Promise<number | string>;
}

export interface Watchers {
  readonly statusFile: string;
  /** Settings of the routes with short times. */
  settings(more?: object, routes?: object): object;
  /** Starts one and waits until it has made the routes; `early` for one that ends at once. */
  start(options?: { readonly args?: readonly string[]; readonly early?: true }): Promise<Watching>;
}

/**
 * Watchers of the node, killed after every test. Call it before useRoutesNode: they end before
 * their node.
 */
export function useWatchers(node: () => RoutesNode): Watchers {
  const children: ChildProcess[] = [];
  afterEach(async () => {
    await Promise.all(
      children.splice(0).map(
        (child) =>
          new Promise<void>((resolve) => {
            if (child.exitCode !== null || child.signalCode !== null) return resolve();
            child.on("exit", () => resolve());
            child.kill("SIGKILL");
          }),
      ),
    );
  });
  const statusFile = (): string => join(node().dir, "status.json");
  return {
    get statusFile() {
      return statusFile();
    },
    settings: (more = {}, routes = {}) => ({
      ...routes,
      watch: {
        interval: "200ms",
        timeout: "300ms",
        failAfter: 3,
        holdDown: `${HOLD_DOWN_MS}ms`,
        statusFile: statusFile(),
        ...more,
      },
    }),
    start: async ({ args = [], early } = {}) => {
      const child = spawn(
        "ip",
        ["netns", "exec", node().netns, WRAPPER, "routes", "watch", "--conf", node().conf, ...args],
        { stdio: ["ignore", "ignore", "pipe"] },
      );
      children.push(child);
      const watching = follow(child, statusFile());
      if (early === undefined) await watching.says("watching ");
      if (early === undefined && readFileSync(node().conf, "utf8").includes(statusFile()))
        await watching.sees("its status file", () => existsSync(statusFile()));
      return watching;
    },
  };
}

function follow(child: ChildProcess, statusFile: string): Watching {
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
  const end = new Promise<number | string>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? signal ?? "?")),
  );
  const status = (): Status => JSON.parse(readFileSync(statusFile, "utf8")) as Status;
  const sees = <T>(what: string, condition: () => T | undefined | false): Promise<T> =>
    until(what, condition).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}; it said:\n${text}`);
    });
  return {
    pid: child.pid ?? 0,
    said: () => text,
    says: async (words) =>
      void (await sees(`the words ${String(words)}`, () =>
        typeof words === "string" ? text.includes(words) : words.test(text),
      )),
    sees,
    status,
    reaches: async (tenant, state) =>
      void (await sees(
        `${tenant} ${state}`,
        () =>
          existsSync(statusFile) &&
          status().tenants.some((each) => each.name === tenant && each.state === state),
      )),
    monitors: () =>
      childrenOf(child.pid ?? 0).filter((pid) =>
        commandLine(pid).includes("-o monitor link address route rule"),
      ),
    signal: (name) => void child.kill(name),
    ended: () => end,
  };
}

function childrenOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter((child) => child !== "");
}

/** Of a process; empty when it is gone or only its exit status is left of it. */
export function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").join(" ");
  } catch {
    return "";
  }
}
