/**
 * One request of the runtime, parsed once: environment, CNI_ARGS, and the head of the netconf.
 * Rules from the CNI specification and its reference dispatcher (pkg/skel, pkg/utils).
 */
import { isUnprintable } from "../text/printable";
import { CniError } from "./error";
import { MAX_NETCONF_BYTES, isObject, own, parseJson, quote, type JsonObject } from "./json";
import { IMPLIED_VERSION, atLeast, checkSupported, isSupported, type CniVersion } from "./version";

export type Verb = "ADD" | "DEL" | "CHECK" | "GC" | "STATUS" | "VERSION";
export type Env = Readonly<Record<string, string | undefined>>;

export interface Request {
  readonly verb: Verb;
  readonly containerId: string;
  /** "" when the runtime has none left (DEL after the netns is closed, GC, STATUS). */
  readonly netns: string;
  readonly ifname: string;
  /** CNI_ARGS as pairs; the last of duplicate keys counts. */
  readonly args: ReadonlyMap<string, string>;
  /** Directories of CNI_PATH. */
  readonly path: readonly string[];
  readonly netnsOverride: boolean;
}

/** What identifies everything we own. Never an IP address, never a netns path. */
export interface AttachmentKey {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
}

export interface PodRef {
  readonly namespace: string;
  readonly name: string;
  /** K8S_POD_UID; absent when the runtime did not pass it. */
  readonly uid?: string;
}

/** The netconf's protocol part; the rest is conf/load's. */
export interface NetconfHead {
  readonly netconf: JsonObject;
  readonly name: string;
  readonly cniVersion: CniVersion;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const POD_UID = /^[a-zA-Z0-9-]{1,64}$/;
const POD_ARGS = [
  { key: "K8S_POD_NAMESPACE", form: DNS_LABEL, problem: "is not a DNS-1123 label" },
  { key: "K8S_POD_NAME", form: DNS_SUBDOMAIN, problem: "is not a DNS-1123 name" },
  { key: "K8S_POD_UID", form: POD_UID, problem: "is not a pod UID" },
] as const;

/** Env variable x verbs that need it x validator: the order is that of the reference message. */
const REQUIRED: readonly {
  name: string;
  verbs: readonly Verb[];
  problem?: (value: string) => string | undefined;
}[] = [
  { name: "CNI_CONTAINERID", verbs: ["ADD", "DEL", "CHECK"], problem: containerIdProblem },
  { name: "CNI_NETNS", verbs: ["ADD", "CHECK"] },
  { name: "CNI_IFNAME", verbs: ["ADD", "DEL", "CHECK"], problem: ifnameProblem },
  { name: "CNI_PATH", verbs: ["ADD", "DEL", "CHECK", "GC", "STATUS"] },
];
/** The first version whose runtimes may send the verb. */
const SINCE: Readonly<Partial<Record<Verb, CniVersion>>> = {
  CHECK: "0.4.0",
  GC: "1.1.0",
  STATUS: "1.1.0",
};
const VERBS: readonly string[] = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"];

/** Parses the environment. Throws CniError `invalidEnvironment`, naming every missing variable. */
export function parseRequest(env: Env): Request {
  const get = (name: string): string => env[name] ?? "";
  const verb = parseVerb(get("CNI_COMMAND"));
  const missing: string[] = [];
  for (const { name, verbs, problem } of REQUIRED) {
    const value = get(name);
    if (!verbs.includes(verb)) continue;
    if (value === "") missing.push(name);
    else if (problem !== undefined) refuseValue(name, value, problem(value));
  }
  if (missing.length > 0) {
    throw new CniError(
      "invalidEnvironment",
      `required env variables [${missing.join(",")}] missing`,
    );
  }
  return {
    verb,
    containerId: get("CNI_CONTAINERID"),
    netns: get("CNI_NETNS"),
    ifname: get("CNI_IFNAME"),
    args: parseArgs(get("CNI_ARGS")),
    path: verb === "VERSION" ? [] : pluginDirs("CNI_PATH", get("CNI_PATH")),
    netnsOverride: /^(1|true)$/i.test(get("CNI_NETNS_OVERRIDE")),
  };
}

/**
 * The directories of CNI_PATH, or of what is given in its place (`name`). Throws CniError
 * `invalidEnvironment` for a relative one: it would be searched in one place and run from another.
 */
export function pluginDirs(name: string, value: string): readonly string[] {
  const dirs = value.split(":").filter((dir) => dir !== "");
  const relative = dirs.find((dir) => !dir.startsWith("/"));
  if (relative !== undefined)
    refuseValue(
      name,
      value,
      `has the relative directory ${quote(relative)}: only absolute ones, beginning with /, can be used`,
    );
  return dirs;
}

/** Parses stdin and checks name and version. Throws CniError `decode`, `invalidConfig` or `incompatibleVersion`. */
export function parseNetconf(stdin: Uint8Array, verb: Verb): NetconfHead {
  const what = "network configuration on stdin";
  const value = parseJson(stdin, what);
  if (value !== null && !isObject(value)) {
    throw new CniError("decode", `${what} is not a JSON object`);
  }
  const netconf: JsonObject = value ?? {};
  // Chained, the result is in it already.
  if (
    verb === "ADD" &&
    stdin.byteLength > MAX_NETCONF_BYTES &&
    own(netconf, "prevResult") === undefined
  ) {
    throw new CniError(
      "decode",
      `${what} is larger than ${MAX_NETCONF_BYTES} bytes: with its result it might not fit into the DEL`,
    );
  }
  const version = own(netconf, "cniVersion") ?? IMPLIED_VERSION;
  if (typeof version !== "string") {
    throw new CniError("decode", `cniVersion must be a string, got ${quote(version)}`);
  }
  const name = checkName(own(netconf, "name"));
  const cniVersion = version === "" ? IMPLIED_VERSION : version;
  refuseTooOld(cniVersion, verb);
  checkSupported(cniVersion);
  return { netconf, name, cniVersion };
}

/** The key of everything that this attachment leaves on the node. */
export function attachmentKey(network: string, request: Request): AttachmentKey {
  return { network, containerId: request.containerId, ifname: request.ifname };
}

/**
 * The pod from CNI_ARGS, or undefined when the runtime passed no K8S_POD_NAME and
 * K8S_POD_NAMESPACE. Throws CniError `invalidEnvironment` for names Kubernetes could not have given.
 */
export function podRef(request: Request): PodRef | undefined {
  const [namespace, name, uid] = POD_ARGS.map(({ key, form, problem }) => {
    const value = request.args.get(key) ?? "";
    if (value !== "" && !form.test(value)) refuseValue(`${key} (in CNI_ARGS)`, value, problem);
    return value;
  });
  if (!namespace || !name) return undefined;
  return !uid ? { namespace, name } : { namespace, name, uid };
}

function parseVerb(command: string): Verb {
  if (command === "")
    throw new CniError("invalidEnvironment", "required env variables [CNI_COMMAND] missing");
  if (!VERBS.includes(command)) {
    throw new CniError(
      "invalidEnvironment",
      `unknown CNI_COMMAND: ${quote(command)} (one of ${VERBS.join(", ")})`,
    );
  }
  return command as Verb;
}

function parseArgs(text: string): ReadonlyMap<string, string> {
  const args = new Map<string, string>();
  for (const pair of text.split(";")) {
    const at = pair.indexOf("=");
    if (at > 0) args.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return args;
}

function refuseValue(name: string, value: string, problem: string | undefined): void {
  if (problem === undefined) return;
  throw new CniError("invalidEnvironment", `${name} ${quote(value)} ${problem}`, {
    details: quote(value),
  });
}

function containerIdProblem(value: string): string | undefined {
  return NAME.test(value)
    ? undefined
    : "is not a valid container ID (letters, digits, and then also _ . -)";
}

function ifnameProblem(value: string): string | undefined {
  // The kernel counts bytes: 8 x "é" is one too many.
  if (new TextEncoder().encode(value).byteLength > 15)
    return "is longer than the 15 bytes an interface name may have";
  if (value === "." || value === "..") return "is not an interface name";
  // U+FFFD stands for bytes that are not UTF-8: two such names would be one attachment.
  const refused = /[/:\s\ufffd]/u.test(value) || isUnprintable(value);
  return refused ? "contains a character that an interface name may not have" : undefined;
}

function checkName(name: unknown): string {
  if (name === undefined || name === "")
    throw new CniError("invalidConfig", "missing network name");
  if (typeof name !== "string")
    throw new CniError("decode", `network name must be a string, got ${quote(name)}`);
  if (!NAME.test(name)) {
    throw new CniError(
      "invalidConfig",
      `invalid network name ${quote(name)}: letters, digits, and then also _ . -`,
    );
  }
  return name;
}

function refuseTooOld(version: string, verb: Verb): void {
  const since = SINCE[verb];
  if (since === undefined || !isSupported(version) || atLeast(version, since)) return;
  throw new CniError(
    "incompatibleVersion",
    `config version ${version} does not allow ${verb} (needs ${since} or newer)`,
  );
}
