/** The embedded API server (test/apiserver) as a process inside a test's network namespace. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { callControl } from "../apiserver/control-client";
import type { Fault } from "../apiserver/faults";
import type { KubeconfigKind } from "../apiserver/kubeconfig";
import type { ServingCert } from "../apiserver/pki";
import { sh } from "./shell";
import type { World } from "./harness";

const ROOT = resolve(__dirname, "../..");
const NODE = process.execPath;

export interface Api {
  /** Its URL, and the directory of its keys. */
  readonly url: string;
  readonly dir: string;
  readonly port: number;
  /** Adds or replaces objects given as YAML. */
  apply(yaml: string): Promise<void>;
  remove(resource: string, namespace: string, name: string): Promise<void>;
  fault(fault: Fault): Promise<void>;
  /** Ends all faults. */
  heal(): Promise<void>;
  /** Writes a kubeconfig of this kind and returns its path. */
  kubeconfig(kind?: KubeconfigKind): Promise<string>;
  show(cert: ServingCert): Promise<void>;
  rotateClient(query?: string): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Paths of the requests since the test began, in order of arrival. */
  requests(): Promise<
    readonly { readonly path: string; readonly headers: Record<string, string> }[]
  >;
}

/**
 * An API server for a test file, with these arguments of its own. Every test begins without faults and with
 * `objects` as given.
 */
export function useApi(
  world: Pick<World, "netns">,
  objects: string,
  ...args: readonly string[]
): Api {
  const api = {} as { -readonly [K in keyof Api]: Api[K] };
  let child: ChildProcess | undefined;
  let dir = "";
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), "trc-api-"));
    const bundle = join(dir, "apiserver.cjs");
    sh(NODE, join(ROOT, "test/apiserver/build.mjs"), bundle);
    const control = join(dir, "control.sock");
    child = spawn(
      "ip",
      [
        ...["netns", "exec", world.netns, NODE, bundle],
        ...["--dir", join(dir, "api"), "--control", control, ...args],
      ],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    Object.assign(api, await firstLine(child), { dir: join(dir, "api") }, client(control));
  });
  beforeEach(async () => {
    await api.start().catch(() => undefined);
    await reset(join(dir, "control.sock"));
    await api.show("valid");
    await api.apply(objects);
  });
  afterAll(async () => {
    const server = child;
    if (server !== undefined && server.exitCode === null) {
      await new Promise((resolve) => server.once("exit", resolve).kill("SIGTERM"));
    }
    if (existsSync(dir)) rmSync(dir, { recursive: true, force: true });
  });
  return api;
}

async function firstLine(child: ChildProcess): Promise<object> {
  if (child.stdout === null) throw new Error("the API server has no stdout");
  for await (const line of createInterface({ input: child.stdout }))
    return JSON.parse(line) as object;
  throw new Error("the API server ended before it listened");
}

async function reset(control: string): Promise<void> {
  await callControl(control, { method: "DELETE", path: "/faults" });
  await callControl(control, { method: "DELETE", path: "/requests" });
}

function client(control: string): Omit<Api, "url" | "dir" | "port"> {
  const call = (method: string, path: string, body?: string): Promise<unknown> =>
    callControl(control, { method, path, ...(body === undefined ? {} : { body }) });
  const quietly = async (method: string, path: string, body?: string): Promise<void> =>
    void (await call(method, path, body));
  return {
    apply: (yaml) => quietly("POST", "/objects", yaml),
    remove: (resource, namespace, name) =>
      quietly("DELETE", `/objects/${resource}/${namespace}/${name}`),
    heal: () => quietly("DELETE", "/faults"),
    fault: (fault) => quietly("POST", "/faults", JSON.stringify(fault)),
    kubeconfig: async (kind = "kubelet") => (await call("POST", `/kubeconfigs/${kind}`)) as string,
    show: (cert) => quietly("POST", `/serving-cert/${cert}`),
    rotateClient: (query = "") => quietly("POST", `/rotate-kubelet-client${query}`),
    stop: () => quietly("POST", "/stop"),
    start: () => quietly("POST", "/start"),
    requests: async () => (await call("GET", "/requests")) as Awaited<ReturnType<Api["requests"]>>,
  };
}
