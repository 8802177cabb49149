/** Where this node's container runtime looks for conflists and plugins, as its own configuration says. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { tomlStrings, type TomlStrings } from "../../text/toml";
import { DEFAULT_DIRS, DISTRIBUTIONS, type Distribution } from "./distributions";

/** The runtime and its directories. */
export interface RuntimeDirs {
  readonly runtime: Distribution["runtime"];
  /** The file that says so; undefined: there is none, and the runtime has its own defaults. */
  readonly file: string | undefined;
  readonly confDir: string;
  /** In the order in which they are searched. */
  readonly binDirs: readonly string[];
  /** Whose runtime it is, by the place of its file and socket. */
  readonly distribution: Distribution;
}

const CRIO_DROP_INS = "/etc/crio/crio.conf.d/*";
/** The table of the CRI in containerd's file, by its version: 1, 2, 3. */
const CRI_TABLES = [
  "plugins.cri",
  "plugins.io.containerd.grpc.v1.cri",
  "plugins.io.containerd.cri.v1.runtime",
];

/**
 * The runtime that runs on this node; when none does, the one that is configured. Undefined when there is neither.
 * `root`: where the node's files are.
 */
export function readRuntimeDirs(root = "/"): RuntimeDirs | undefined {
  const configured = DISTRIBUTIONS.flatMap((each) => dirsOf(each, root) ?? []);
  const running = ({ distribution }: RuntimeDirs): boolean =>
    existsSync(join(root, distribution.socket));
  const inFile = ({ file }: RuntimeDirs): boolean => file !== undefined;
  return (
    configured.find((each) => running(each) && inFile(each)) ??
    configured.find(running) ??
    configured.find(inFile)
  );
}

function dirsOf(distribution: Distribution, root: string): RuntimeDirs | undefined {
  const { runtime, configs, needsFile } = distribution;
  const file = configs.find((each) => existsSync(join(root, each)));
  if (file === undefined && needsFile) return undefined;
  const settings = settingsIn(distribution, file, root);
  if (settings === undefined) return undefined;
  const keys = runtime === "CRI-O" ? crioKeys : containerdKeys;
  const [confDir = ""] = dirsIn(settings, keys.conf) ?? [distribution.confDir];
  const binDirs = dirsIn(settings, keys.bin) ?? [distribution.binDir];
  return { runtime, file, distribution, confDir, binDirs };
}

interface Keys {
  readonly names: readonly string[];
  /** What the runtime takes where none of them is written, as k3s leaves them out without flannel. */
  readonly fallback: string;
}

const containerdKeys = {
  conf: keysOf("conf_dir", DEFAULT_DIRS.confDir),
  // bin_dirs came with containerd 2.1 and goes before bin_dir.
  bin: {
    names: CRI_TABLES.flatMap((table) => [`${table}.cni.bin_dirs`, `${table}.cni.bin_dir`]),
    fallback: DEFAULT_DIRS.binDir,
  },
};
const crioKeys = {
  conf: { names: ["crio.network.network_dir"], fallback: DEFAULT_DIRS.confDir },
  bin: { names: ["crio.network.plugin_dirs"], fallback: DEFAULT_DIRS.binDir },
};

function keysOf(key: string, fallback: string): Keys {
  return { names: CRI_TABLES.map((table) => `${table}.cni.${key}`), fallback };
}

/** The directories that are written; undefined: something is, and it cannot be used. */
function dirsIn(settings: TomlStrings, { names, fallback }: Keys): readonly string[] | undefined {
  const written = names.flatMap((name) => {
    const values = settings.get(name);
    return values === undefined ? [] : [values];
  });
  if (!isFilled(written)) return [fallback];
  return written.map((values) => values.filter(isAbsolute)).find(isFilled);
}

/** Undefined for a runtime that is not there, or does not serve Kubernetes. */
function settingsIn(
  { runtime, socket }: Distribution,
  file: string | undefined,
  root: string,
): TomlStrings | undefined {
  if (file === undefined && !existsSync(join(root, socket))) return undefined;
  const main = file === undefined ? new Map<string, readonly string[]>() : stringsIn(root, file);
  if (main === undefined) return UNREAD;
  // Docker's package of containerd ships with the CRI switched off.
  if (main.get("disabled_plugins")?.some((name) => /(^|\.)cri$/.test(name))) return undefined;
  const more = runtime === "CRI-O" ? [CRIO_DROP_INS] : (main.get("imports") ?? []);
  const imported = more
    .flatMap((pattern) => filesOf(root, pattern, dirname(file ?? "/")))
    .map((each) => stringsIn(root, each) ?? []);
  return new Map([main, ...imported].flatMap((map) => [...map]));
}

/** Of a file that cannot be read: every key, with nothing that can be used. */
const UNREAD: TomlStrings = new Map(
  [containerdKeys, crioKeys].flatMap(({ conf, bin }) =>
    [...conf.names, ...bin.names].map((name) => [name, []] as const),
  ),
);

/** Undefined for a file that cannot be read. */
function stringsIn(root: string, file: string): TomlStrings | undefined {
  try {
    return tomlStrings(readFileSync(join(root, file), "utf8"));
  } catch {
    return undefined;
  }
}

/** The files of a pattern with `*` in its last part, in order; relative to `base`. */
function filesOf(root: string, pattern: string, base: string): readonly string[] {
  const path = isAbsolute(pattern) ? pattern : join(base, pattern);
  const parts = basename(path)
    .split("*")
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const name = new RegExp(`^${parts.join(".*")}$`);
  try {
    return readdirSync(join(root, dirname(path)))
      .filter((each) => name.test(each))
      .toSorted()
      .map((each) => join(dirname(path), each));
  } catch {
    return [];
  }
}

function isAbsolute(path: string): boolean {
  return path.startsWith("/");
}

function isFilled(list: readonly unknown[]): boolean {
  return list.length > 0;
}
