// Plays the container runtime: what is executed, with which environment and stdin, and how long it took.
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { POD_SUBNET } from "./namespaces.mjs";

export const NETWORK = "tenant-routing";
export const NAMESPACE = "team-a";
export const MARKED = { name: "web-0", uid: "6b0d3c1e-0001-4000-8000-000000000001" };
export const PLAIN = { name: "plain-0", uid: "6b0d3c1e-0002-4000-8000-000000000002" };
const CNI_DIRS = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];
const KEY = "tenant.routing/fwmark";
const CAPABILITY = "io.kubernetes.cri.pod-annotations";
const VERSION = "1.0.0";

/** Milliseconds in one clock tick of /proc (USER_HZ). */
const TICK_MS = 10;

/**
 * Runs a program to its end; returns the time from outside, the processor time that it and its
 * children took (both ms; the latter in steps of 10, so good as a mean only) and stdout. Throws
 * when it fails.
 */
export function timed(path, args, { env = {}, input = "" } = {}) {
  const cpuBefore = childrenCpu();
  const started = performance.now();
  const { status, signal, error, stdout, stderr } = spawnSync(path, args, { env, input, cwd: "/" });
  const ms = performance.now() - started;
  if (status === 0) return { ms, cpu: childrenCpu() - cpuBefore, stdout: stdout.toString() };
  const how = signal ?? (status === null ? error.message : `status ${status}`);
  throw new Error(
    `${[path, ...args].join(" ")} ${env.CNI_COMMAND ?? ""} failed (${how}): ${stdout} ${stderr}`,
  );
}

/** Processor time (ms) of all children that have ended so far: fields 16 and 17 of /proc/pid/stat. */
function childrenCpu() {
  const stat = readFileSync("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * TICK_MS;
}

/** The plugins under test. `paths`: binary, delegate, dir, netns, kubeconfig; `flavour` of iptables. */
export function createPlugins(paths, flavour) {
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
    cniVersion: VERSION,
    name: NETWORK,
    type: "tenant-routing-wrapper",
    kubeconfig: paths.kubeconfig,
    iptables: flavour,
    tenants: { "tenant-a": { fwmark: "0x10/0xff", namespaces: [NAMESPACE] } },
    dataDir: join(paths.dir, "journal"),
    logFile: join(paths.dir, "wrapper.log"),
    delegate,
  };
  const withAnnotations = (annotations) => ({
    ...wrapper,
    runtimeConfig: { [CAPABILITY]: annotations },
  });
  const plugin = (path, netconf, pod) => ({ path, netconf, pod, netns: paths.netns });
  return {
    bare: plugin(paths.delegate, { cniVersion: VERSION, name: NETWORK, ...delegate }, MARKED),
    runtime: plugin(paths.binary, withAnnotations({ [KEY]: "tenant-a" }), MARKED),
    api: plugin(paths.binary, wrapper, MARKED),
    // What an unmarked pod costs where the runtime passes annotations: ours is not among them, so the namespace is read.
    unmarked: plugin(
      paths.binary,
      withAnnotations({ "kubernetes.io/config.source": "api" }),
      PLAIN,
    ),
  };
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
export function invocation({ path, pod, netns }, command, containerId, netconf) {
  const env = {
    PATH: process.env.PATH,
    CNI_COMMAND: command,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: netns,
    CNI_IFNAME: "eth0",
    CNI_PATH: CNI_DIRS.join(":"),
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${NAMESPACE};K8S_POD_NAME=${pod.name};K8S_POD_INFRA_CONTAINER_ID=${containerId};K8S_POD_UID=${pod.uid}`,
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

/** The tag of an attachment as the wrapper computes it (lib/marks/tag.ts). */
export function tagOf(key) {
  const hash = (text) => createHash("sha256").update(text).digest("hex");
  return `${hash(key.network).slice(0, 8)}-${hash(JSON.stringify([key.network, key.containerId, key.ifname])).slice(0, 24)}`;
}
