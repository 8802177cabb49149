/**
 * A node on which nothing is wrong: tenants with gateways, pods, node routes, and files of its own under
 * the paths that a real node has. Faults are provoked on it, and `wrapper status` says what it sees.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Conf } from "./conf";
import { BINARY } from "./launch";
import { nodeFiles, type NodeFiles } from "./node-files";
import { annotated, ASKS, createRuntime, type Conflist, type Runtime } from "./node-runtime";
import { PLUGINS, type NodeWorld, type Pod } from "./node-world";
import { expectOk } from "./outcome";
import { TENANTS, useRoutesNode, type RoutesNode } from "./routes-node";
import { addNetns, sh, until } from "./shell";

export const CONFLIST = "/etc/cni/net.d/10-tenant-routing.conflist";

export interface SeenFinding {
  readonly code: string;
  readonly severity: string;
  readonly fault: string;
  readonly remedy: string;
  readonly subject: string | null;
}

export interface Seen {
  readonly status: number | null;
  readonly findings: readonly SeenFinding[];
  /** What it prints for people: run again for it, where a test asks. */
  readonly text: string;
}

export interface FaultNode {
  readonly routes: RoutesNode;
  readonly files: NodeFiles;
  readonly runtime: Runtime;
  /** team-a/web-0 of tenant-a, and plain/client-0 without a tenant. */
  readonly web: Pod;
  readonly plain: Pod;
  /** The runtime's plugin directory. */
  readonly bin: string;
  /** Runs a script on the node, in its network and mount namespaces. Throws when it fails. */
  run(script: string): string;
  /** Our plugin object with these changes. */
  configure(change?: Conf): void;
  status(...args: string[]): Seen;
  /** An agent of the node; it is the caller's to end. */
  startAgent(): ChildProcess;
  /** Asks for the status until it is like this. */
  reaches(condition: (seen: Seen) => boolean): Promise<void>;
  /** A directory that tests and the node see under one path. */
  readonly shared: string;
  /** PID of a process in the node's namespaces. */
  readonly holder: number;
}

/** A healthy node for every test; `settings` are fields of our plugin object. Call it at the top of the file. */
export function useFaultNode(
  settings: (routes: RoutesNode) => Conf | Promise<Conf> = () => ({}),
): FaultNode {
  const routes = useRoutesNode();
  const node = {} as { -readonly [K in keyof FaultNode]: FaultNode[K] };
  const pods: string[] = [];
  let holder: ChildProcess | undefined;
  beforeEach(async () => {
    const files = nodeFiles(routes as unknown as NodeWorld);
    holder = await hold(routes, files);
    Object.assign(node, build(routes, files, { holder, pods, settings: await settings(routes) }));
    node.configure();
    node.run("wrapper routes apply --sysctl >/dev/null");
    expectOk(await node.runtime.add(node.web, annotated("tenant-a")));
    expectOk(await node.runtime.add(node.plain, annotated(undefined)));
  });
  afterEach(async () => {
    const ended = holder;
    if (ended !== undefined && ended.exitCode === null)
      await new Promise((resolve) => ended.once("exit", resolve).kill("SIGKILL"));
    for (const name of pods.splice(0))
      if (existsSync(`/run/netns/${name}`)) sh("ip", "netns", "del", name);
  });
  return node;
}

/** A process that keeps the node's mount namespace: journal and log have small disks of their own. */
async function hold({ netns }: RoutesNode, files: NodeFiles): Promise<ChildProcess> {
  const script = [
    files.wrap,
    "for d in /run/tenant-routing /var/log/tenant-routing; do",
    "mkdir -p $d; mount -t tmpfs -o size=2m,mode=0700 tmpfs $d; done",
    "echo ready; exec sleep 100000",
  ].join("\n");
  const child = spawn("ip", ["netns", "exec", netns, "sh", "-ec", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await until("the node's files are there", () => said.includes("ready"));
  return child;
}

interface Parts {
  readonly holder: ChildProcess;
  readonly pods: string[];
  readonly settings: Conf;
}

function build(routes: RoutesNode, files: NodeFiles, { holder, pods, settings }: Parts): FaultNode {
  const bin = join(routes.dir, "bin");
  mkdirSync(bin);
  for (const name of ["wrapper", "tenant-routing-wrapper"]) symlinkSync(BINARY, join(bin, name));
  for (const name of ["ptp", "host-local"]) symlinkSync(join(PLUGINS, name), join(bin, name));
  files.write(
    "/etc/containerd/config.toml",
    `version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\n  bin_dir = "${bin}"\n  conf_dir = "/etc/cni/net.d"\n`,
  );
  const inside = (script: string): readonly string[] => [
    ...["-t", String(holder.pid), "-m", "-n", "--", "env", "-i"],
    ...[`PATH=${bin}:/usr/sbin:/usr/bin:/sbin:/bin`, "sh", "-ec", script],
  ];
  const list = (change: Conf = {}): Conflist => ({
    cniVersion: "1.0.0",
    name: "tenant-routing",
    plugins: [
      {
        ...{ type: "tenant-routing-wrapper", ...ASKS, tenants: TENANTS },
        delegate: { type: "ptp", ipam: { type: "host-local", subnet: "10.88.0.0/24" } },
        ...settings,
        ...change,
      },
    ],
  });
  const newPod = (n: number, namespace: string, name: string): Pod => {
    const netns = `${routes.netns}-pod${n}`;
    addNetns(netns);
    pods.push(netns);
    const uid = `6c2a5b0e-54b1-4f43-8f0a-${String(n).padStart(12, "0")}`;
    return { id: netns, namespace, name, uid, netns, path: `/run/netns/${netns}` };
  };
  const wrap = `exec nsenter -t ${holder.pid ?? 0} -m -n -- "$@"`;
  const status = (...args: string[]): Seen => {
    const call = (...more: string[]) =>
      spawnSync("nsenter", inside(["wrapper status", ...args, ...more].join(" ")), {
        encoding: "utf8",
      });
    const { status: exit, stdout, stderr } = call("-o json");
    if (!stdout.startsWith("{")) throw new Error(`wrapper status said: ${stdout}${stderr}`);
    const { findings } = JSON.parse(stdout) as Pick<Seen, "findings">;
    let text: string | undefined;
    return {
      status: exit,
      findings,
      get text() {
        return (text ??= call().stdout);
      },
    };
  };
  return {
    ...{ routes, files, bin, status, holder: holder.pid ?? 0 },
    shared: join(routes.dir, "shared"),
    reaches: (condition) =>
      until("the status is as expected", () => condition(status())).then(() => undefined),
    runtime: createRuntime(routes as unknown as NodeWorld, list(), { wrap }),
    web: newPod(1, "team-a", "web-0"),
    plain: newPod(2, "plain", "client-0"),
    startAgent: () =>
      spawn("nsenter", inside("exec wrapper agent"), { stdio: ["ignore", "ignore", "inherit"] }),
    run: (script) => sh("nsenter", ...inside(script)),
    configure: (change) => files.write(CONFLIST, JSON.stringify(list(change))),
  };
}

/** One fault: how it comes, by what it is named, and what ends it. */
export interface Fault {
  readonly title: string;
  readonly code: string;
  readonly provoke: (node: FaultNode) => void | Promise<void>;
  /** What is printed to end it. */
  readonly remedy: string | RegExp;
  /** Undefined: the printed command does. */
  readonly end?: (node: FaultNode) => void | Promise<void>;
}

/** What fits on a screen without scrolling. */
const SCREEN_LINES = 40;

/** A test for each fault: a healthy node is clean, the fault is named with its remedy, and the remedy ends it. */
export function testFaults(node: FaultNode, faults: readonly Fault[]): void {
  test.each(faults.map((fault) => [fault.code, fault.title, fault] as const))(
    "%s: %s",
    async (code, _title, { provoke, remedy, end }) => {
      expect(node.status()).toMatchObject({ status: 0, findings: [] });
      await provoke(node);
      const seen = node.status();
      const found = seen.findings.find((each) => each.code === code);
      expect([found?.code, ...seen.findings.map((each) => `${each.code} ${each.fault}`)]).toContain(
        code,
      );
      expect(found?.remedy).toMatch(remedy);
      expect(seen.status).toBe(seen.findings.some(({ severity }) => severity === "failed") ? 1 : 0);
      expectPrinted(seen, code, found?.remedy ?? "");
      if (end === undefined) node.run(found?.remedy ?? "false");
      else await end(node);
      expect(node.status()).toMatchObject({ status: 0, findings: [] });
    },
  );
}

/** The page for people: the code, the command that ends the fault, and no more than a screen. */
function expectPrinted({ text, findings }: Seen, code: string, remedy: string): void {
  expect(text).toContain(`${code} `);
  expect(text.replace(/ \\\n +/g, " ").replace(/\n +/g, " ")).toContain(`fix: ${remedy}`);
  const lines = text.split("\n");
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
  // A fault that brings others with it may take more.
  if (findings.length <= 3) expect(lines.length).toBeLessThanOrEqual(SCREEN_LINES);
}
