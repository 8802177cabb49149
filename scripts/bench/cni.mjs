// Executes plugins as a container runtime does, and says how long each took.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { iptablesOf } from "./kinds.mjs";
import { POD_SUBNET } from "./namespaces.mjs";
import { cniEnvironment, netconfOf, POD_ANNOTATIONS } from "./runtime.mjs";

export const NETWORK = "tenant-routing";
export const NAMESPACE = "team-a";
export const MARKED = { name: "web-0", uid: "6b0d3c1e-0001-4000-8000-000000000001" };
export const PLAIN = { name: "plain-0", uid: "6b0d3c1e-0002-4000-8000-000000000002" };
const CNI_DIRS = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];
export const KEY = "tenant.routing/fwmark";
const NET = { name: NETWORK, cniVersion: "1.0.0" };

/** `wrapper check` and a listing of the tables have several MB at 5,000 pods (bytes). */
export const MOST_OUTPUT = 64 * 1024 * 1024;
/** Milliseconds in one clock tick of /proc (USER_HZ). */
const TICK_MS = 10;

/**
 * Runs a program to its end; returns the time from outside, the processor time that it and its
 * children took (both ms; the latter in steps of 10, so good as a mean only) and stdout. Throws
 * when it fails: with a status that is not `allowed`.
 */
export function timed(path, args, { env = {}, input = "", allowed = [0] } = {}) {
  const cpuBefore = childrenCpu();
  const started = performance.now();
  const options = { env, input, cwd: "/", maxBuffer: MOST_OUTPUT };
  const { status, signal, error, stdout, stderr } = spawnSync(path, args, options);
  const ms = performance.now() - started;
  if (allowed.includes(status))
    return { ms, cpu: childrenCpu() - cpuBefore, stdout: stdout.toString() };
  const how = signal ?? (status === null ? error.message : `status ${status}`);
  throw new Error(
    `${[path, ...args].join(" ")} ${env.CNI_COMMAND ?? ""} failed (${how}): ${stdout} ${stderr}`,
  );
}

/** Processor time (ms) of all children that have ended so far: fields 16 and 17 of /proc/pid/stat. */
export function childrenCpu() {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * TICK_MS;
}

/**
 * The plugins under test. `paths`: binary, launcher (undefined: none), socket, delegate, dir, netns, kubeconfig.
 * `variant`: what marks the packets.
 */
export function createPlugins(paths, variant) {
  const delegate = {
    type: "ptp",
    ipMasq: false,
    ipam: {
      type: "host-local",
      subnet: POD_SUBNET,
      dataDir: join(paths.dir, "ipam"),
      routes: [{ dst: "0.0.0.0/0" }],
    },
  };
  const wrapper = {
    type: "tenant-routing-wrapper",
    kubeconfig: paths.kubeconfig,
    iptables: iptablesOf(variant),
    // Left out elsewhere: an older binary (--against) does not know the key.
    ...(variant === "nftables" && { backend: "nftables" }),
    tenants: {
      "tenant-a": { fwmark: "0x10/0xff", namespaces: [NAMESPACE] },
      "tenant-b": { fwmark: "0x20/0xff", namespaces: [NAMESPACE] },
    },
    dataDir: join(paths.dir, "journal"),
    logFile: join(paths.dir, "wrapper.log"),
    delegate,
  };
  // A runtime that passes annotations does so to a plugin that asks for them.
  const asking = { ...wrapper, capabilities: { [POD_ANNOTATIONS]: true } };
  const plugin = (path, conf, pod, annotations = {}) => ({
    path,
    netconf: netconfOf(NET, conf, { [POD_ANNOTATIONS]: annotations }),
    pod,
    netns: paths.netns,
  });
  const own = {
    bare: plugin(paths.delegate, delegate, MARKED),
    runtime: plugin(paths.binary, asking, MARKED, { [KEY]: "tenant-a" }),
    api: plugin(paths.binary, wrapper, MARKED),
    // What an unmarked pod costs where the runtime passes annotations: ours is not among them, so the namespace is read.
    unmarked: plugin(paths.binary, asking, PLAIN, { "kubernetes.io/config.source": "api" }),
  };
  if (paths.launcher === undefined) return own;
  const launched = (kind, socket) => ({
    ...own[kind],
    path: paths.launcher,
    env: { TENANT_ROUTING_AGENT_SOCKET: socket },
  });
  return {
    ...own,
    agent: launched("runtime", paths.socket),
    agentApi: launched("api", paths.socket),
    fallback: launched("runtime", `${paths.socket}-of-nobody`),
  };
}

/** The conflist that the agent of a plugin with that netconf reads, as text. */
export function agentConf({ netconf }, socket) {
  const { runtimeConfig, ...conf } = netconf;
  return JSON.stringify({ ...conf, agent: { socket } });
}

/** ADD of a new container: times, result, and the container ID for DEL. */
export function add(plugin) {
  const containerId = randomBytes(32).toString("hex");
  const { ms, cpu, stdout } = execute(plugin, "ADD", containerId, plugin.netconf);
  return { ms, cpu, containerId, result: JSON.parse(stdout) };
}

/** DEL as runtimes send it, with the result of the ADD. Returns the times. */
export function del(plugin, { containerId, result }) {
  return execute(plugin, "DEL", containerId, { ...plugin.netconf, prevResult: result });
}

/** The wrapper answering VERSION: its start, its own code, and nothing else. Returns the times. */
export function version(plugin) {
  return timed(plugin.path, [], { env: { CNI_COMMAND: "VERSION", PATH: process.env.PATH } });
}

function execute(plugin, command, containerId, netconf) {
  const { path, env, input } = invocation(plugin, command, containerId, netconf);
  return timed(path, [], { env, input });
}

/** What a runtime executes for one verb of one container. */
export function invocation(plugin, command, containerId, netconf) {
  const { path, netns, cniPath = CNI_DIRS.join(":") } = plugin;
  const pod = { namespace: NAMESPACE, ...plugin.pod };
  const sandbox = { id: containerId, netns, ifname: "eth0", pod };
  const env = {
    PATH: process.env.PATH,
    ...plugin.env,
    ...cniEnvironment(command, sandbox, cniPath),
  };
  return { path, env, input: JSON.stringify(netconf) };
}

/** Absolute path of a standard plugin. */
export function findDelegate(type) {
  const path = CNI_DIRS.map((dir) => join(dir, type)).find((file) => existsSync(file));
  if (path !== undefined) return path;
  throw new Error(
    `the plugin ${type} is in none of ${CNI_DIRS.join(", ")}: install containernetworking-plugins`,
  );
}
