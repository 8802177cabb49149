/**
 * What a container runtime does with a conflist (libcni's rules): plugins in order for ADD and
 * CHECK, backwards for DEL, each with the list's name and version, the result of the one before,
 * and of what the runtime offers only the capabilities that it declares.
 */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../cni/error";
import { isObject, own, parseJson, type Json, type JsonObject } from "../../cni/json";
import type { Setup as Stage } from "./lab";
import type { Machine } from "./machines";

/** The capability by which containerd hands a pod's annotations to plugins. */
export const POD_ANNOTATIONS = "io.kubernetes.cri.pod-annotations";
const TIMEOUT_MS = 30_000;
const FIRST_INTERFACE = "eth0";

export interface PodSpec {
  /** `namespace/name`. The name is also the machine's. */
  readonly pod: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** `hostPort:containerPort`, TCP. */
  readonly ports?: readonly string[];
  /** Further capability arguments, by name. */
  readonly offers?: JsonObject;
}

export interface Pod extends Machine {
  readonly spec: PodSpec;
  readonly containerId: string;
  readonly uid: string;
}

export interface CniRan {
  readonly ok: boolean;
  /** The error's code, 0 when it went well. */
  readonly code: number;
  /** What was shown. */
  readonly output: string;
  /** Addresses without length, in the order of the result; empty after a failure. */
  readonly addresses: readonly string[];
  readonly result: JsonObject | undefined;
}

export interface Runtime {
  /** A pod's machine before its ADD: nothing but `lo`. */
  sandbox(spec: PodSpec): Promise<Pod>;
  /** Each of these shows the command and the outcome, and throws for nothing that a plugin does. */
  add(pod: Pod): Promise<CniRan>;
  check(pod: Pod): Promise<CniRan>;
  /** Works from the result that ADD left, and without one. */
  del(pod: Pod): Promise<CniRan>;
}

/**
 * A runtime on `node`, with the conflist (or a flat .conf) at `path`, read at each operation. With
 * another `ifname` it is one that gives pods a further interface, as Multus does.
 */
export function createRuntime(
  stage: Stage,
  node: Machine,
  path: string,
  ifname = FIRST_INTERFACE,
): Runtime {
  const cacheDir = join(stage.dir, `results-${node.name}-${ifname}`);
  mkdirSync(cacheDir, { recursive: true });
  const tools: Tools = { stage, node, cacheDir, ifname };
  const operation = (verb: Verb) => (pod: Pod) => operate(tools, verb, readList(path), pod);
  return {
    sandbox: async (spec) => {
      const name = spec.pod.split("/")[1] ?? spec.pod;
      const containerId = createHash("sha256")
        .update(`${stage.workspace.prefix} ${spec.pod}`)
        .digest("hex");
      return { ...(await stage.workspace.machine(name)), spec, containerId, uid: randomUUID() };
    },
    add: operation("ADD"),
    check: operation("CHECK"),
    del: operation("DEL"),
  };
}

type Verb = "ADD" | "CHECK" | "DEL";
interface Tools {
  readonly stage: Stage;
  readonly node: Machine;
  readonly cacheDir: string;
  readonly ifname: string;
}
interface List {
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly JsonObject[];
}

async function operate(tools: Tools, verb: Verb, list: List, pod: Pod): Promise<CniRan> {
  const started = performance.now();
  const cache = join(tools.cacheDir, pod.containerId);
  const outcome = await runList(tools, verb, list, {
    pod,
    cached: verb === "ADD" ? undefined : readCache(cache),
  });
  const failed = "code" in outcome;
  const result = failed ? undefined : outcome.result;
  if (!failed) remember(verb, cache, result);
  const addresses = verb === "ADD" ? addressesOf(result) : [];
  const took = `${Math.round(performance.now() - started)} ms, ${list.plugins.map((plugin) => String(plugin["type"])).join(" + ")}`;
  const output = failed
    ? `${outcome.plugin} ${verb}: error ${outcome.code}: ${outcome.message}`
    : `${addresses.join(", ") || "done"} (${took})`;
  tools.stage.transcript.command(
    tools.node.name,
    commandText(verb, pod.spec, tools.ifname),
    output,
  );
  return { ok: !failed, code: failed ? outcome.code : 0, output, addresses, result };
}

/** Up to the first plugin that fails. */
async function runList(
  tools: Tools,
  verb: Verb,
  list: List,
  { pod, cached }: { pod: Pod; cached: JsonObject | undefined },
): Promise<Failure | Success> {
  let result = cached;
  for (const plugin of verb === "DEL" ? [...list.plugins].reverse() : list.plugins) {
    const answer = await execPlugin(tools, verb, pod, netconf(list, plugin, pod.spec, result));
    if ("code" in answer) return answer;
    if (verb === "ADD") result = answer.result;
  }
  return { result };
}

function remember(verb: Verb, cache: string, result: JsonObject | undefined): void {
  if (verb === "ADD") writeFileSync(cache, JSON.stringify(result ?? {}));
  if (verb === "DEL") rmSync(cache, { force: true });
}

function readCache(path: string): JsonObject | undefined {
  return existsSync(path) ? object(readFileSync(path), path) : undefined;
}

function commandText(
  verb: Verb,
  { pod, annotations = {}, ports = [] }: PodSpec,
  ifname: string,
): string {
  const more =
    verb === "ADD"
      ? [...Object.entries(annotations).map(([key, value]) => `${key}=${value}`), ...ports]
      : [];
  return ["cni", verb, pod, ...(ifname === FIRST_INTERFACE ? more : [ifname])].join(" ");
}

function netconf(
  list: List,
  plugin: JsonObject,
  spec: PodSpec,
  prevResult: JsonObject | undefined,
): JsonObject {
  const declared = own(plugin, "capabilities");
  const offers = Object.entries(offersOf(spec)).filter(
    ([name]) => isObject(declared) && own(declared, name) === true,
  );
  return {
    ...plugin,
    name: list.name,
    cniVersion: list.cniVersion,
    ...(offers.length === 0 ? {} : { runtimeConfig: Object.fromEntries(offers) }),
    ...(prevResult === undefined ? {} : { prevResult }),
  };
}

function offersOf({ annotations, ports, offers = {} }: PodSpec): JsonObject {
  const mappings = (ports ?? []).map((text) => {
    const [hostPort = 0, containerPort = 0] = text.split(":").map(Number);
    return { hostPort, containerPort, protocol: "tcp" };
  });
  return {
    [POD_ANNOTATIONS]: { ...annotations },
    ...(mappings.length === 0 ? {} : { portMappings: mappings }),
    ...offers,
  };
}

interface Failure {
  readonly plugin: string;
  readonly code: number;
  readonly message: string;
}

interface Success {
  readonly result: JsonObject | undefined;
}

async function execPlugin(
  { stage, node, ifname }: Tools,
  verb: Verb,
  pod: Pod,
  conf: JsonObject,
): Promise<Failure | Success> {
  const type = String(conf["type"]);
  const path = stage.cniPath.map((dir) => join(dir, type)).find((file) => existsSync(file));
  if (path === undefined)
    throw new CniError("io", `no CNI plugin ${type} in ${stage.cniPath.join(":")}`);
  const ran = await node.run([path], {
    env: { ...environment(stage, verb, pod), CNI_IFNAME: ifname },
    stdin: JSON.stringify(conf),
    timeoutMs: TIMEOUT_MS,
  });
  const said = ran.stdout.trim().startsWith("{")
    ? object(Buffer.from(ran.stdout), `the answer of ${type}`)
    : undefined;
  if (ran.status === 0) return { result: said };
  const details = own(said ?? {}, "details");
  const message =
    said === undefined
      ? ran.output
      : `${String(own(said, "msg"))}${typeof details === "string" && details !== "" ? `; ${details}` : ""}`;
  return { plugin: type, code: Number(own(said ?? {}, "code") ?? ran.status), message };
}

function environment(
  stage: Stage,
  verb: Verb,
  { spec, netns, containerId, uid }: Pod,
): Record<string, string> {
  const [namespace = "", name = ""] = spec.pod.split("/");
  return {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: containerId,
    CNI_NETNS: `/run/netns/${netns}`,
    CNI_PATH: stage.cniPath.join(":"),
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace};K8S_POD_NAME=${name};K8S_POD_INFRA_CONTAINER_ID=${containerId};K8S_POD_UID=${uid}`,
  };
}

function readList(path: string): List {
  const file = object(readFileSync(path), path);
  const plugins = own(file, "plugins");
  return {
    name: String(own(file, "name")),
    cniVersion: String(own(file, "cniVersion")),
    plugins: Array.isArray(plugins) ? (plugins as readonly Json[]).filter(isObject) : [file],
  };
}

function addressesOf(result: JsonObject | undefined): readonly string[] {
  const ips = own(result ?? {}, "ips");
  return (Array.isArray(ips) ? (ips as readonly Json[]) : [])
    .filter(isObject)
    .map((ip) => String(own(ip, "address")).split("/")[0] ?? "");
}

function object(bytes: Uint8Array, what: string): JsonObject {
  const value = parseJson(bytes, what);
  if (isObject(value)) return value;
  throw new CniError("decode", `${what} is not a JSON object`);
}
