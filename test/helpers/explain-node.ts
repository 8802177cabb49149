/** `wrapper explain` on a node of the routes with a real pod of a tenant. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Step } from "../../lib/explain/model";
import { BINARY, launch } from "./launch";
import { annotated, ASKS, createRuntime, type Conflist, type Runtime } from "./node-runtime";
import type { NodeWorld, Pod } from "./node-world";
import { expectOk } from "./outcome";
import type { RoutesNode } from "./routes-node";
import { addNetns, sh, shellQuote } from "./shell";

const TENANTS = {
  "tenant-a": {
    fwmark: "0x10/0xff",
    table: 100,
    gateways: [{ via: "10.10.10.1", dev: "eth1" }],
  },
  "tenant-b": { fwmark: "0x20/0xff", table: 200, gateways: [{ via: "10.10.20.1", dev: "eth2" }] },
};
export const POD = "10.88.0.2";

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly remedy: string;
}

export interface Path {
  readonly verdict: string;
  readonly state: string;
  readonly first: Finding | null;
  readonly steps: readonly Step[];
}

export interface Said {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly paths: readonly Path[];
}

export interface ExplainedNode {
  newPod(namespace: string, name: string): Pod;
  /** Deletes the pod's network namespace. */
  vanish(pod: Pod): void;
  runtime(): Runtime;
  /** A node as `routes apply` leaves it, with the pod team-a/web-0 of tenant-a, which it returns. */
  build(fields?: object, subnets?: readonly string[]): Promise<Pod>;
  /** `wrapper explain ARGS`. */
  explain(...args: string[]): Promise<Said>;
  /** The same of team-a/web-0, as JSON. */
  asJson(...args: string[]): Promise<Said>;
  /** Does what a remedy says, on the node. */
  execute(remedy: string): void;
  expectHealthy(): Promise<void>;
}

/** Call it after useRoutesNode. */
export function useExplain(node: RoutesNode): ExplainedNode {
  let serial = 0;
  const pods: string[] = [];
  afterEach(() => {
    for (const name of pods.splice(0)) sh("ip", "netns", "del", name);
  });

  function newPod(namespace: string, name: string): Pod {
    const netns = `${node.netns}-x${++serial}`;
    addNetns(netns);
    pods.push(netns);
    const uid = "6c2a5b0e-54b1-4f43-8f0a-0f5d1e1f2a3b";
    return { id: `${netns}-container`, namespace, name, uid, netns, path: `/run/netns/${netns}` };
  }

  function runtime(): Runtime {
    const list = JSON.parse(readFileSync(node.conf, "utf8")) as Conflist;
    return createRuntime({ netns: node.netns } as NodeWorld, list);
  }

  function configure(fields: object = {}, subnets: readonly string[] = ["10.88.0.0/24"]): void {
    const ipam = {
      type: "host-local",
      dataDir: join(node.dir, "ipam"),
      ranges: subnets.map((subnet) => [{ subnet }]),
      routes: subnets.map((subnet) => ({ dst: subnet.includes(":") ? "::/0" : "0.0.0.0/0" })),
    };
    node.configure(
      TENANTS,
      {},
      {
        ...ASKS,
        iptables: "nft",
        logFile: join(node.dir, "log"),
        delegate: { type: "ptp", ipMasq: false, ipam },
        ...fields,
      },
    );
  }

  /** A node as `routes apply` leaves it, with a pod of tenant-a. */
  async function build(fields: object = {}, subnets?: readonly string[]): Promise<Pod> {
    configure(fields, subnets);
    expect(node.routes("apply", "--sysctl")).toMatchObject({ status: 0 });
    const web = newPod("team-a", "web-0");
    expectOk(await runtime().add(web, annotated("tenant-a")));
    return web;
  }

  async function explain(...args: string[]): Promise<Said> {
    const [name = "team-a/web-0", ...rest] = args;
    const { exit, stdout, stderr, json } = await launch({
      netns: node.netns,
      command: [BINARY, "explain", name, "--conf", node.conf, ...rest],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      stdin: "",
      options: {},
    });
    return { exit, stdout, stderr, paths: (json?.["paths"] ?? []) as readonly Path[] };
  }

  const asJson = (...args: string[]): Promise<Said> =>
    explain("team-a/web-0", "-o", "json", ...args);

  /** Does what the remedy says, on the node. */
  function execute(remedy: string): void {
    node.run(`set -e; wrapper() { ${shellQuote(BINARY)} "$@"; }; ${remedy}`);
  }

  async function expectHealthy(): Promise<void> {
    const { exit, paths } = await asJson();
    expect(paths.map(({ verdict, state, first }) => ({ verdict, state, first }))).toEqual([
      {
        verdict: "team-a/web-0 -> 203.0.113.9 leaves by 10.10.10.1 on eth1 as tenant-a",
        state: "ok",
        first: null,
      },
    ]);
    expect(exit).toBe(0);
  }

  const vanish = ({ netns }: Pod): void => {
    sh("ip", "netns", "del", netns);
    pods.splice(pods.indexOf(netns), 1);
  };
  return { newPod, vanish, runtime, build, explain, asJson, execute, expectHealthy };
}

/** All steps of a tree, in the order of the way. */
export function flat(steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((step) => [step, ...flat(step.steps ?? [])]);
}

/** The name of the step that has the finding. */
export function stepWith(path: Path | undefined, code: string): string | undefined {
  return flat(path?.steps ?? []).find(({ finding }) => finding?.code === code)?.name;
}
