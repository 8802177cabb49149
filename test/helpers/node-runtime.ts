/**
 * What libcni does with a conflist: plugins in order for ADD and CHECK, backwards for DEL, with
 * name, cniVersion, prevResult and each plugin's share of the runtime's capability arguments.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Conf } from "./conf";
import { BINARY } from "./harness";
import { launch } from "./launch";
import { PLUGINS, type NodeWorld, type Pod } from "./node-world";
import type { Outcome } from "./outcome";

export interface Conflist {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly Conf[];
}

export interface AttachOptions {
  /** What the runtime offers to plugins that declare the capability. */
  readonly offers?: Conf;
  /** CNI_NETNS instead of the pod's. */
  readonly netns?: string;
  /** Shell text that runs before each plugin, in a mount namespace of its own. */
  readonly wrap?: string;
  /** Changes to the plugins' environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** DEL: the runtime has lost its cache, so there is no prevResult. */
  readonly forgetful?: boolean;
}

export interface Runtime {
  /** The last plugin's outcome, or the first that failed. */
  add(pod: Pod, options?: AttachOptions): Promise<Outcome>;
  check(pod: Pod, options?: AttachOptions): Promise<Outcome>;
  del(pod: Pod, options?: AttachOptions): Promise<Outcome>;
  /** The runtime's cache: results of ADD by container ID. */
  readonly cache: ReadonlyMap<string, Conf>;
}

const OURS = "tenant-routing-wrapper";

/** A list with one plugin, ours; its files are in the test's directory. */
export function ourList(
  world: NodeWorld,
  ours: Conf,
  cniVersion = "1.0.0",
  ...after: Conf[]
): Conflist {
  return {
    cniVersion,
    name: "tr-node",
    plugins: [{ type: OURS, dataDir: world.dataDir, logFile: world.logFile, ...ours }, ...after],
  };
}

/** A runtime on the node of `world` that has loaded `list`. */
export function createRuntime(
  world: NodeWorld,
  list: Conflist,
  always: AttachOptions = {},
): Runtime {
  const cache = new Map<string, Conf>();
  const run = async (
    verb: string,
    pod: Pod,
    plugin: Conf,
    share: AttachOptions & { prevResult?: Conf | undefined },
  ): Promise<Outcome> => {
    const ran = await launch({
      netns: world.netns,
      command: [pathOf(plugin)],
      env: { ...environment(verb, pod, share.netns ?? pod.path), ...share.env },
      stdin: JSON.stringify(netconf(list, plugin, share)),
      options: share.wrap === undefined ? {} : { wrap: share.wrap },
    });
    return { ...ran, id: pod.id, calls: [] };
  };
  return {
    cache,
    add: async (pod, options) => {
      let prevResult: Conf | undefined;
      let outcome: Outcome | undefined;
      for (const plugin of list.plugins) {
        outcome = await run("ADD", pod, plugin, { ...always, ...options, prevResult });
        if (outcome.exit !== 0) return outcome;
        prevResult = outcome.json;
      }
      cache.set(pod.id, prevResult ?? {});
      return outcome as Outcome;
    },
    check: (pod, options) =>
      eachOf(list.plugins, (plugin) =>
        run("CHECK", pod, plugin, { ...always, ...options, prevResult: cache.get(pod.id) }),
      ),
    del: async (pod, options) => {
      const has = list.cniVersion >= "0.4.0" && options?.forgetful !== true;
      const prevResult = has ? cache.get(pod.id) : undefined;
      const outcome = await eachOf([...list.plugins].reverse(), (plugin) =>
        run("DEL", pod, plugin, { ...always, ...options, prevResult }),
      );
      if (outcome.exit === 0) cache.delete(pod.id);
      return outcome;
    },
  };
}

async function eachOf(
  plugins: readonly Conf[],
  body: (plugin: Conf) => Promise<Outcome>,
): Promise<Outcome> {
  let outcome: Outcome | undefined;
  for (const plugin of plugins) {
    outcome = await body(plugin);
    if (outcome.exit !== 0) return outcome;
  }
  return outcome as Outcome;
}

function pathOf({ type }: Conf): string {
  const path = type === OURS ? BINARY : join(PLUGINS, String(type));
  if (!existsSync(path)) throw new Error(`no plugin ${path}`);
  return path;
}

function netconf(
  list: Conflist,
  plugin: Conf,
  { offers = {}, prevResult }: AttachOptions & { prevResult?: Conf | undefined },
): Conf {
  const declared = (plugin["capabilities"] ?? {}) as Record<string, boolean>;
  const share = Object.fromEntries(
    Object.entries(offers).filter(([capability]) => declared[capability] === true),
  );
  return {
    ...plugin,
    name: list.name,
    cniVersion: list.cniVersion,
    ...(Object.keys(share).length === 0 ? {} : { runtimeConfig: share }),
    ...(prevResult === undefined ? {} : { prevResult }),
  };
}

/** The environment in which containerd starts a plugin. */
export function environment(verb: string, pod: Pod, netns: string): Record<string, string> {
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    CNI_COMMAND: verb,
    CNI_CONTAINERID: pod.id,
    CNI_NETNS: netns,
    CNI_IFNAME: "eth0",
    CNI_PATH: PLUGINS,
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${pod.namespace};K8S_POD_NAME=${pod.name};K8S_POD_INFRA_CONTAINER_ID=${pod.id};K8S_POD_UID=${pod.uid}`,
  };
}

/** `offers` of a runtime that passes the pod's annotations. */
export function annotated(mark: string | undefined, more: Conf = {}): AttachOptions {
  const annotations =
    mark === undefined ? { "another.example/key": "x" } : { "tenant.routing/fwmark": mark };
  return { offers: { "io.kubernetes.cri.pod-annotations": annotations, ...more } };
}

/** `capabilities` by which our plugin object asks for the annotations. */
export const ASKS = { capabilities: { "io.kubernetes.cri.pod-annotations": true } };
