/** Where this node's container runtime looks for conflists and plugins, as its own configuration says. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { tomlStrings, type TomlStrings } from "../../text/toml";

/** The runtime and its directories. */
export interface RuntimeDirs {
  readonly runtime: "containerd" | "CRI-O";
  /** The file that says so; undefined: there is none, and the runtime has its own defaults. */
  readonly file: string | undefined;
  readonly confDir: string;
  /** In the order in which they are searched. */
  readonly binDirs: readonly string[];
}

/** Where runtimes look for conflists unless they are told otherwise. */
export const DEFAULT_NET_DIR = "/etc/cni/net.d";
const DEFAULT_BIN_DIR = "/opt/cni/bin";

interface Candidate {
  readonly runtime: RuntimeDirs["runtime"];
  /** The first that is there counts. */
  readonly files: readonly string[];
  /** Is there when the runtime runs. */
  readonly socket: string;
  /** False for one that may run on its defaults alone. */
  readonly needsFile: boolean;
}

/** Distributions first: they bring a runtime of their own beside the machine's, and always write its file. */
const CANDIDATES: readonly Candidate[] = [
  containerd("/run/k3s/containerd", [
    "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
    "/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
  ]),
  containerd("/var/snap/microk8s/common/run", ["/var/snap/microk8s/current/args/containerd.toml"]),
  containerd("/run/k0s", ["/run/k0s/containerd-cri.toml", "/etc/k0s/containerd.toml"]),
  {
    runtime: "CRI-O",
    files: ["/etc/crio/crio.conf"],
    socket: "/run/crio/crio.sock",
    needsFile: false,
  },
  {
    ...containerd("/run/containerd", ["/etc/cri/containerd.toml", "/etc/containerd/config.toml"]),
    needsFile: false,
  },
];
const CRIO_DROP_INS = "/etc/crio/crio.conf.d/*";
/** The table of the CRI in containerd's file, by its version: 1, 2, 3. */
const CRI_TABLES = [
  "plugins.cri",
  "plugins.io.containerd.grpc.v1.cri",
  "plugins.io.containerd.cri.v1.runtime",
];

function containerd(run: string, files: readonly string[]): Candidate {
  return { runtime: "containerd", files, socket: `${run}/containerd.sock`, needsFile: true };
}

/**
 * The runtime that runs on this node; when none does, the one that is configured. Undefined when there is neither.
 * `root`: where the node's files are.
 */
export function readRuntimeDirs(root = "/"): RuntimeDirs | undefined {
  const configured = CANDIDATES.flatMap((candidate) => {
    const dirs = dirsOf(candidate, root);
    return dirs === undefined ? [] : [{ candidate, dirs }];
  });
  const running = ({ candidate }: { candidate: Candidate }): boolean =>
    existsSync(join(root, candidate.socket));
  const inFile = ({ dirs }: { dirs: RuntimeDirs }): boolean => dirs.file !== undefined;
  const found =
    configured.find((each) => running(each) && inFile(each)) ??
    configured.find(running) ??
    configured.find(inFile);
  return found?.dirs;
}

function dirsOf(candidate: Candidate, root: string): RuntimeDirs | undefined {
  const file = candidate.files.find((each) => existsSync(join(root, each)));
  if (file === undefined && candidate.needsFile) return undefined;
  const settings = settingsIn(candidate, file, root);
  if (settings === undefined) return undefined;
  const { runtime } = candidate;
  const keys = runtime === "CRI-O" ? crioKeys : containerdKeys;
  const first = (names: readonly string[]): readonly string[] =>
    names.map((name) => settings.get(name)?.filter(isAbsolute) ?? []).find(isFilled) ?? [];
  return {
    ...{ runtime, file },
    confDir: first(keys.conf)[0] ?? DEFAULT_NET_DIR,
    binDirs: [first(keys.bin), [DEFAULT_BIN_DIR]].find(isFilled) ?? [],
  };
}

const containerdKeys = {
  conf: CRI_TABLES.map((table) => `${table}.cni.conf_dir`),
  // bin_dirs came with containerd 2.1 and goes before bin_dir.
  bin: CRI_TABLES.flatMap((table) => [`${table}.cni.bin_dirs`, `${table}.cni.bin_dir`]),
};
const crioKeys = { conf: ["crio.network.network_dir"], bin: ["crio.network.plugin_dirs"] };

/** Undefined for a runtime that is not there, or does not serve Kubernetes. */
function settingsIn(
  { runtime, socket }: Candidate,
  file: string | undefined,
  root: string,
): TomlStrings | undefined {
  if (file === undefined && !existsSync(join(root, socket))) return undefined;
  const main = file === undefined ? new Map<string, readonly string[]>() : stringsIn(root, file);
  // Docker's package of containerd ships with the CRI switched off.
  if (main.get("disabled_plugins")?.some((name) => /(^|\.)cri$/.test(name))) return undefined;
  const more = runtime === "CRI-O" ? [CRIO_DROP_INS] : (main.get("imports") ?? []);
  const imported = more.flatMap((pattern) => filesOf(root, pattern, dirname(file ?? "/")));
  return new Map(
    [main, ...imported.map((each) => stringsIn(root, each))].flatMap((map) => [...map]),
  );
}

/** What cannot be read says nothing. */
function stringsIn(root: string, file: string): TomlStrings {
  try {
    return tomlStrings(readFileSync(join(root, file), "utf8"));
  } catch {
    return new Map();
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

function isFilled(list: readonly string[]): boolean {
  return list.length > 0;
}
