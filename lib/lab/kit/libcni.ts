/**
 * What libcni does with a conflist: plugins in order for ADD and CHECK, backwards for DEL, each with
 * the list's name and version, the result of the one before, and of what the runtime offers only the
 * capabilities that it declares. Executes nothing: the labs, the self-test, the tests and the
 * benchmark each do that in their own way.
 */
import { isObject, own, type Json, type JsonObject } from "../../cni/json";

/** The capability by which containerd hands a pod's annotations to plugins. */
export const POD_ANNOTATIONS = "io.kubernetes.cri.pod-annotations";
/** Before this version a DEL gets no prevResult. */
const PREV_RESULT_FOR_DEL = "0.4.0";

export type Verb = "ADD" | "CHECK" | "DEL";

export interface Conflist {
  readonly name: string;
  readonly cniVersion: string;
  readonly plugins: readonly JsonObject[];
}

/** A conflist from its file; a flat .conf is a list of one plugin. */
export function conflistOf(file: JsonObject): Conflist {
  const plugins = own(file, "plugins");
  return {
    name: String(own(file, "name")),
    cniVersion: String(own(file, "cniVersion")),
    plugins: Array.isArray(plugins) ? (plugins as readonly Json[]).filter(isObject) : [file],
  };
}

/** What one plugin gets on stdin. `offers`: the runtime's capability arguments by name. */
export function netconfOf(
  list: Pick<Conflist, "name" | "cniVersion">,
  plugin: JsonObject,
  offers: JsonObject,
  prevResult?: JsonObject,
): JsonObject {
  const declared = own(plugin, "capabilities");
  const share = Object.entries(offers).filter(
    ([name]) => isObject(declared) && own(declared, name) === true,
  );
  return {
    ...plugin,
    name: list.name,
    cniVersion: list.cniVersion,
    ...(share.length === 0 ? {} : { runtimeConfig: Object.fromEntries(share) }),
    ...(prevResult === undefined ? {} : { prevResult }),
  };
}

export interface Sandbox {
  /** The container ID. */
  readonly id: string;
  /** Path of its network namespace. */
  readonly netns: string;
  readonly ifname: string;
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
}

/** The variables that containerd sets for a plugin, with no PATH. */
export function cniEnvironment(
  verb: Verb,
  { id, netns, ifname, pod }: Sandbox,
  cniPath: string,
): Record<string, string> {
  return {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: id,
    CNI_NETNS: netns,
    CNI_IFNAME: ifname,
    CNI_PATH: cniPath,
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${pod.namespace};K8S_POD_NAME=${pod.name};K8S_POD_INFRA_CONTAINER_ID=${id};K8S_POD_UID=${pod.uid}`,
  };
}

/** The results of ADDs by container ID, which a runtime keeps for CHECK and DEL. */
export interface Results {
  get(id: string): JsonObject | undefined;
  set(id: string, result: JsonObject): void;
  delete(id: string): void;
}

/** How one plugin ended. Further fields are the driver's. */
export interface PluginRun {
  readonly ok: boolean;
  /** What an ADD printed. */
  readonly result: JsonObject | undefined;
}

export interface Operation<Run extends PluginRun> {
  readonly id: string;
  readonly offers: JsonObject;
  readonly results: Results;
  readonly execute: (netconf: JsonObject) => Promise<Run>;
}

/** Runs the list up to its end or to the first plugin that fails; resolves with the last that ran. */
export async function runList<Run extends PluginRun>(
  verb: Verb,
  list: Conflist,
  { id, offers, results, execute }: Operation<Run>,
): Promise<Run> {
  let prevResult = cached(verb, list, () => results.get(id));
  let last: Run | undefined;
  for (const plugin of verb === "DEL" ? [...list.plugins].reverse() : list.plugins) {
    last = await execute(netconfOf(list, plugin, offers, prevResult));
    if (!last.ok) return last;
    if (verb === "ADD") prevResult = last.result;
  }
  if (last === undefined) throw new Error(`the network ${list.name} has no plugins`);
  if (verb === "ADD") results.set(id, prevResult ?? {});
  if (verb === "DEL") results.delete(id);
  return last;
}

function cached(
  verb: Verb,
  { cniVersion }: Conflist,
  read: () => JsonObject | undefined,
): JsonObject | undefined {
  if (verb === "ADD") return undefined;
  return verb === "CHECK" || cniVersion >= PREV_RESULT_FOR_DEL ? read() : undefined;
}
