/** Which file is validated, and the directories around it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kubelet } from "../../lib/checks/kinds/access";
import { netDirOf } from "../../lib/checks/net-dir";
import type { ConfFile } from "../../lib/cni/conflist";
import { CniError, toCniError } from "../../lib/cni/error";
import { readNetDir } from "../../lib/node/cni/net-dir";
import {
  DEFAULT_DIRS,
  type Distribution,
  type OwnConflist,
} from "../../lib/node/cni/distributions";
import { readRuntimeDirs } from "../../lib/node/cni/runtime-dirs";
import { reasonOf } from "../../lib/text/reason";
import { type Values } from "../command";
import { cniPath, kubeletOf } from "../conflist";
import type { Io } from "../io";

/** The file that is judged, and where it is to be. */
export interface Input {
  /** As it was named; `stdin` for one that comes through a pipe. */
  readonly file: string;
  readonly bytes: Uint8Array;
  /** The runtime's directory of conflists. */
  readonly dir: string;
  readonly runtime: "containerd" | "CRI-O";
  /** What is in that directory, or why it cannot be read. */
  readonly entries: readonly ConfFile[] | CniError;
  /** What its distribution writes there at every start; undefined: nothing. */
  readonly writes: OwnConflist | undefined;
  /** This node's, where its distribution is known. */
  readonly kubelet?: Kubelet | undefined;
  /** Where the runtime looks for plugins. */
  readonly pluginDirs: readonly string[];
}

/**
 * Reads FILE, stdin for `-`, or by default the runtime's file. Throws CniError `io` when it cannot be read, and
 * `invalidConfig` when there is none.
 */
export function readInput(io: Io, [named]: readonly string[], values: Values): Input {
  const found = readRuntimeDirs();
  const { confDir = DEFAULT_DIRS.confDir, binDirs, runtime = "containerd" } = found ?? {};
  const { netDir: dir = confDir } = values;
  const entries = entriesOf(dir);
  const pluginDirs = cniPath(values, io.env, binDirs);
  const around = {
    ...{ dir, runtime, entries, pluginDirs, kubelet: kubeletOf(found) },
    writes: writtenTo(dir, found?.distribution),
  };
  if (named === "-") return { ...around, file: io.stdinFile() ?? "stdin", bytes: io.readStdin() };
  const file = named ?? usedFile(around);
  return { ...around, file, bytes: bytesOf(file) };
}

/** Without flannel k3s leaves the directories to its containerd, and writes nothing. */
function writtenTo(dir: string, distribution: Distribution | undefined): OwnConflist | undefined {
  return dir === distribution?.confDir ? distribution.writes : undefined;
}

function entriesOf(dir: string): Input["entries"] {
  try {
    return readNetDir(dir);
  } catch (error) {
    return toCniError(error);
  }
}

/** Ours, or the file that the runtime uses in its place. */
function usedFile({ dir, runtime, entries }: Pick<Input, "dir" | "runtime" | "entries">): string {
  if (entries instanceof CniError) throw entries;
  const { ours, used } = netDirOf(entries, runtime);
  const found = ours ?? used;
  if (found !== undefined) return join(dir, found.name);
  throw new CniError("invalidConfig", `no conflist in ${dir}: name one (wrapper validate FILE)`);
}

function bytesOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CniError("io", `${file} cannot be read: ${reasonOf(error)}`);
  }
}
