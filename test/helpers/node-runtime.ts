/** A container runtime for tests with real plugins: libcni's rules, and what a test can do to a run. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../../lib/cni/json";
import {
  cniEnvironment,
  netconfOf,
  POD_ANNOTATIONS,
  runList,
  type Conflist as RuntimeList,
  type Verb,
} from "../../lib/lab/kit/libcni";
import type { Conf } from "./conf";
import { BINARY } from "./harness";
import { launch } from "./launch";
import { BACKEND_CONF } from "./mode";
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
  /** What is executed as our plugin, in place of that of the tests' mode. */
  readonly plugin?: string;
  /** DEL: the runtime has lost its cache, so there is no prevResult. */
  readonly forgetful?: boolean;
}

export interface Runtime {
  /** The last plugin's outcome, or the first that failed. */
  add(pod: Pod, options?: AttachOptions): Promise<Outcome>;
  check(pod: Pod, options?: AttachOptions): Promise<Outcome>;
  del(pod: Pod, options?: AttachOptions): Promise<Outcome>;
  /** The runtime's cache: results of ADD by container ID. A test puts in what is there from before. */
  readonly cache: Map<string, Conf>;
}

const OURS = "tenant-routing-wrapper";

/** A list with one plugin, ours; its files are in the test's directory. */
export function ourList(
  world: NodeWorld,
  ours: Conf,
  cniVersion = "1.0.0",
  ...after: Conf[]
): Conflist {
  const { dataDir, logFile } = world;
  return {
    cniVersion,
    name: "tr-node",
    plugins: [{ type: OURS, dataDir, logFile, ...BACKEND_CONF, ...ours }, ...after],
  };
}

/** A runtime on the node of `world` that has loaded `list`. */
export function createRuntime(
  world: NodeWorld,
  list: Conflist,
  always: AttachOptions = {},
): Runtime {
  const cache = new Map<string, Conf>();
  const operation = (verb: Verb) => async (pod: Pod, options?: AttachOptions) => {
    const all = { ...always, ...options };
    const ran = await runList(verb, list as RuntimeList, {
      id: pod.id,
      offers: (all.offers ?? {}) as JsonObject,
      results: {
        get: (id) => (all.forgetful === true ? undefined : (cache.get(id) as JsonObject)),
        set: (id, result) => cache.set(id, result),
        delete: (id) => cache.delete(id),
      },
      execute: async (netconf) => {
        const outcome = await execute(world, verb, pod, { netconf, options: all });
        return { ok: outcome.exit === 0, result: outcome.json as JsonObject | undefined, outcome };
      },
    });
    return ran.outcome;
  };
  return { cache, add: operation("ADD"), check: operation("CHECK"), del: operation("DEL") };
}

async function execute(
  world: NodeWorld,
  verb: Verb,
  pod: Pod,
  { netconf, options }: { netconf: JsonObject; options: AttachOptions },
): Promise<Outcome> {
  const ran = await launch({
    netns: world.netns,
    command: [pathOf(netconf, options)],
    env: { ...environment(verb, pod, options.netns ?? pod.path), ...options.env },
    stdin: JSON.stringify(netconf),
    options: options.wrap === undefined ? {} : { wrap: options.wrap },
  });
  return { ...ran, id: pod.id, calls: [] };
}

/** What the list's first plugin gets on stdin at an ADD, for a test that starts it in a way of its own. */
export function firstNetconf(list: Conflist, { offers = {} }: AttachOptions = {}): string {
  const [plugin = {}] = list.plugins;
  return JSON.stringify(netconfOf(list, plugin as JsonObject, offers as JsonObject));
}

function pathOf({ type }: Conf, { plugin = BINARY }: AttachOptions): string {
  const path = type === OURS ? plugin : join(PLUGINS, String(type));
  if (!existsSync(path)) throw new Error(`no plugin ${path}`);
  return path;
}

/** The environment in which containerd starts a plugin. */
export function environment(verb: Verb, pod: Pod, netns: string): Record<string, string> {
  const { id, namespace, name, uid } = pod;
  const sandbox = { id, netns, ifname: "eth0", pod: { namespace, name, uid } };
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    ...cniEnvironment(verb, sandbox, PLUGINS),
  };
}

/** `offers` of a runtime that passes the pod's annotations. */
export function annotated(mark: string | undefined, more: Conf = {}): AttachOptions {
  const annotations =
    mark === undefined ? { "another.example/key": "x" } : { "tenant.routing/fwmark": mark };
  return { offers: { [POD_ANNOTATIONS]: annotations, ...more } };
}

/** `capabilities` by which our plugin object asks for the annotations. */
export const ASKS = { capabilities: { [POD_ANNOTATIONS]: true } };
