/**
 * A node with pods for tests with the real plugins: the world of harness.ts plus pods' network
 * namespaces, what the plugins leave on the node, and real packets.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Conf } from "./conf";
import { useWorld, type World } from "./harness";
import { addNetns, sh, until } from "./shell";

/** Where the package containernetworking-plugins has its plugins. */
export const PLUGINS = "/usr/lib/cni";
const run = promisify(execFile);

export interface Pod {
  /** The container ID. */
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Name of its network namespace, and the path that a runtime would pass. */
  readonly netns: string;
  readonly path: string;
}

export interface Ran {
  readonly stdout: string;
  readonly failed: boolean;
}

export interface NodeWorld extends World {
  /** A pod with an empty network namespace. */
  newPod(namespace?: string, name?: string): Pod;
  /** Deletes the pod's network namespace, as a runtime does before its last DEL, and waits until the veth on the node is gone. */
  vanish(pod: Pod): Promise<void>;
  /** Runs a command in the pod or, without one, on the node. */
  inside(where: Pod | undefined, ...command: string[]): string;
  /** The same without blocking and without throwing. */
  attempt(where: Pod | undefined, ...command: string[]): Promise<Ran>;
  /** A host-local netconf that keeps its leases in the test's directory. */
  ipam(...subnets: string[]): Conf;
  /** The leases that host-local has given out: `<address> <container ID>`. */
  leases(): readonly string[];
  /** The node's ends of pods' veths: all that are not called eth0, eth1, ... */
  veths(): readonly string[];
  /** World.leftovers with leases and veths. */
  everything(): readonly string[];
}

/**
 * A node for a test file, in a fresh network namespace for every test. With `keep` the namespace
 * stays, so that processes in it go on, and only its bridge is removed. Call it at the top of the file.
 */
export function useNode({ keep = false } = {}): NodeWorld {
  const world = useWorld() as NodeWorld;
  const pods = new Set<string>();
  beforeAll(() => void Object.assign(world, build(world, pods)));
  beforeEach(() => {
    if (keep) {
      sh("sh", "-c", 'ip -n "$1" link del cni0 2>/dev/null || :', "sh", world.netns);
      return;
    }
    sh("ip", "netns", "del", world.netns);
    addNetns(world.netns);
    sh("ip", "-n", world.netns, "link", "set", "lo", "up");
  });
  afterEach(() => {
    for (const name of pods) sh("ip", "netns", "del", name);
    pods.clear();
  });
  return world;
}

function build(world: NodeWorld, pods: Set<string>): Omit<NodeWorld, keyof World> {
  let serial = 0;
  const veths = (): readonly string[] =>
    sh("ip", "-n", world.netns, "-o", "link", "show", "type", "veth")
      .split("\n")
      .flatMap((line) => /^\d+: (?!eth\d)([^:@]+)/.exec(line)?.[1] ?? []);
  const leases = (): readonly string[] => listLeases(join(world.dir, "ipam"));
  const into = (where: Pod | undefined): string[] => ["netns", "exec", where?.netns ?? world.netns];
  return {
    newPod: (namespace = "team-a", name = "web-0") => {
      const netns = `${world.netns}-p${++serial}`;
      addNetns(netns);
      pods.add(netns);
      return {
        id: world.newId(),
        namespace,
        name,
        uid: uidOf(serial),
        netns,
        path: `/run/netns/${netns}`,
      };
    },
    vanish: async (pod) => {
      const before = veths();
      const peer = /eth0@if(\d+)/.exec(sh("ip", "-n", pod.netns, "-o", "link"))?.[1];
      sh("ip", "netns", "del", pod.netns);
      pods.delete(pod.netns);
      if (peer !== undefined && before.length > 0)
        await until(`the veth of ${pod.netns} is gone`, () => !hasIndex(world.netns, peer));
    },
    inside: (where, ...command) => sh("ip", ...into(where), ...command),
    attempt: async (where, ...command) =>
      run("ip", [...into(where), ...command]).then(
        ({ stdout }) => ({ stdout, failed: false }),
        (error: { stdout?: string }) => ({ stdout: error.stdout ?? "", failed: true }),
      ),
    ipam: (...subnets) => ({
      type: "host-local",
      dataDir: join(world.dir, "ipam"),
      ranges: subnets.map((subnet) => [{ subnet }]),
      routes: subnets.map((subnet) => ({ dst: subnet.includes(":") ? "::/0" : "0.0.0.0/0" })),
    }),
    leases,
    veths,
    everything: () => [
      ...world.leftovers(),
      ...leases().map((lease) => `lease: ${lease}`),
      ...veths().map((veth) => `veth: ${veth}`),
    ],
  };
}

function uidOf(serial: number): string {
  return `6c2a5b0e-54b1-4f43-8f0a-${String(serial).padStart(12, "0")}`;
}

function hasIndex(netns: string, index: string): boolean {
  return new RegExp(`^${index}: `, "m").test(sh("ip", "-n", netns, "-o", "link"));
}

/** `<address> <container ID>` of every lease, whatever the network. */
function listLeases(dir: string): readonly string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => /\/[0-9a-f][0-9a-f.:]*$/.test(name))
    .map(
      (name) =>
        `${name.slice(name.lastIndexOf("/") + 1)} ${readFileSync(join(dir, name), "utf8").split(/\s/)[0] ?? ""}`,
    )
    .sort();
}
