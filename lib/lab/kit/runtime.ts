/** The container runtime of the labs and the self-test: attaches machines as pods, and shows each step. */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CniError } from "../../cni/error";
import { isObject, own, parseJson, type Json, type JsonObject } from "../../cni/json";
import type { Pair } from "./families";
import type { Setup } from "./lab";
import {
  cniEnvironment,
  conflistOf,
  POD_ANNOTATIONS,
  runList,
  type Conflist,
  type PluginRun,
  type Results,
  type Verb,
} from "./libcni";
import type { Machine } from "./machines";

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

/** A pod that is attached. */
export interface Attached {
  readonly machine: Pod;
  readonly addresses: Pair;
}

export interface CniRan {
  readonly ok: boolean;
  /** The error's code, 0 when it went well. */
  readonly code: number;
  /** What was shown. */
  readonly output: string;
  /** Addresses without length, in the order of the result; empty after a failure. */
  readonly addresses: readonly string[];
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
  setup: Setup,
  node: Machine,
  path: string,
  ifname = FIRST_INTERFACE,
): Runtime {
  const results = resultsIn(join(setup.dir, `results-${node.name}-${ifname}`));
  const tools: Tools = { setup, node, results, ifname };
  const operation = (verb: Verb) => (pod: Pod) => operate(tools, verb, readList(path), pod);
  return {
    sandbox: async (spec) => {
      const name = spec.pod.split("/")[1] ?? spec.pod;
      const containerId = createHash("sha256")
        .update(`${setup.workspace.prefix} ${spec.pod}`)
        .digest("hex");
      return { ...(await setup.workspace.machine(name)), spec, containerId, uid: randomUUID() };
    },
    add: operation("ADD"),
    check: operation("CHECK"),
    del: operation("DEL"),
  };
}

interface Tools {
  readonly setup: Setup;
  readonly node: Machine;
  readonly results: Results;
  readonly ifname: string;
}

async function operate(tools: Tools, verb: Verb, list: Conflist, pod: Pod): Promise<CniRan> {
  const started = performance.now();
  const ran = await runList(verb, list, {
    id: pod.containerId,
    offers: offersOf(pod.spec),
    results: tools.results,
    execute: (netconf) => execPlugin(tools, verb, pod, netconf),
  });
  const addresses = verb === "ADD" ? addressesOf(ran.result) : [];
  const types = list.plugins.map((plugin) => String(plugin["type"])).join(" + ");
  const took = `${Math.round(performance.now() - started)} ms, ${types}`;
  const output = ran.ok
    ? `${addresses.join(", ") || "done"} (${took})`
    : `${ran.plugin} ${verb}: error ${ran.code}: ${ran.message}`;
  tools.setup.transcript.command(
    tools.node.name,
    commandText(verb, pod.spec, tools.ifname),
    output,
  );
  return { ok: ran.ok, code: ran.code, output, addresses };
}

/** A file for each result, so that what is in them can be looked at. */
function resultsIn(dir: string): Results {
  mkdirSync(dir, { recursive: true });
  const pathOf = (id: string): string => join(dir, id);
  return {
    get: (id) =>
      existsSync(pathOf(id)) ? object(readFileSync(pathOf(id)), pathOf(id)) : undefined,
    set: (id, result) => writeFileSync(pathOf(id), JSON.stringify(result)),
    delete: (id) => rmSync(pathOf(id), { force: true }),
  };
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

interface Executed extends PluginRun {
  readonly plugin: string;
  /** 0 and empty when it went well. */
  readonly code: number;
  readonly message: string;
}

async function execPlugin(
  { setup, node, ifname }: Tools,
  verb: Verb,
  pod: Pod,
  netconf: JsonObject,
): Promise<Executed> {
  const plugin = String(netconf["type"]);
  const path = setup.cniPath.map((dir) => join(dir, plugin)).find((file) => existsSync(file));
  if (path === undefined)
    throw new CniError("io", `no CNI plugin ${plugin} in ${setup.cniPath.join(":")}`);
  const ran = await node.run([path], {
    env: environment(setup, verb, pod, ifname),
    stdin: JSON.stringify(netconf),
    timeoutMs: TIMEOUT_MS,
  });
  const said = ran.stdout.trim().startsWith("{")
    ? object(Buffer.from(ran.stdout), `the answer of ${plugin}`)
    : undefined;
  if (ran.status === 0) return { ok: true, plugin, result: said, code: 0, message: "" };
  const code = Number(own(said ?? {}, "code") ?? ran.status);
  const message = said === undefined ? ran.output : messageOf(said);
  return { ok: false, plugin, result: undefined, code, message };
}

function messageOf(said: JsonObject): string {
  const details = own(said, "details");
  const more = typeof details === "string" && details !== "" ? `; ${details}` : "";
  return `${String(own(said, "msg"))}${more}`;
}

function environment(
  { cniPath, agentSocket }: Setup,
  verb: Verb,
  { spec, netns, containerId, uid }: Pod,
  ifname: string,
): Record<string, string> {
  const [namespace = "", name = ""] = spec.pod.split("/");
  const pod = { namespace, name, uid };
  const sandbox = { id: containerId, netns: `/run/netns/${netns}`, ifname, pod };
  const agent = agentSocket === undefined ? {} : { TENANT_ROUTING_AGENT_SOCKET: agentSocket };
  return { ...agent, ...cniEnvironment(verb, sandbox, cniPath.join(":")) };
}

function readList(path: string): Conflist {
  return conflistOf(object(readFileSync(path), path));
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

/** What stays in the directory of records; nothing of it is of a pod. */
const HOUSEKEEPING = "lock|queue|generation|collected|iptables-backend|routes.*";

/** Everything that attachments leave on the node while they live, without figures. */
export function leftBehind({ dir }: Setup, node: Machine): Promise<string> {
  const script = [
    "{ iptables-save; ip6tables-save; } | grep -e '^-A' || true",
    "ip -br link | sed 's/ .*//'",
    `ls -A '${dir}'/ipam/* 2>/dev/null | grep -v -e '^last_reserved_ip' -e '^lock$' || true`,
    `ls -A '${dir}/state' | grep -v -x -E '${HOUSEKEEPING}' || true`,
  ];
  return node.must(["sh", "-ec", script.join("\n")]);
}
