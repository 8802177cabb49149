/** The files of net.d and the programs of the plugin directories, as they are now. */
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import type { ConfFile } from "../../cni/conflist";
import { CniError } from "../../cni/error";
import { MAX_INPUT_BYTES } from "../../cni/json";
import { reasonOf } from "../../text/reason";

/** The files of `dir`, without its directories. Throws CniError `io` when the directory cannot be read. */
export function readNetDir(dir: string): readonly ConfFile[] {
  let names: readonly string[];
  try {
    names = filesIn(dir);
  } catch (error) {
    throw new CniError("io", `${dir} cannot be read (${reasonOf(error)})`, { cause: error });
  }
  return names.map((name) => readNetFile(dir, name));
}

/** One file of `dir`; what cannot be read, is no file or too large says so. */
export function readNetFile(dir: string, name: string): ConfFile {
  let fd: number;
  try {
    // O_NONBLOCK: opening a FIFO must not hang.
    fd = openSync(`${dir}/${name}`, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { name, content: { problem: reasonOf(error) } };
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return { name, content: { problem: "not a regular file" } };
    if (stats.size > MAX_INPUT_BYTES)
      return { name, content: { problem: `larger than ${MAX_INPUT_BYTES} bytes` } };
    return { name, content: readFileSync(fd) };
  } catch (error) {
    return { name, content: { problem: reasonOf(error) } };
  } finally {
    closeSync(fd);
  }
}

/** What the plugin directories hold. */
export interface PluginDirs {
  /** Names of the files in all of them, each once, in alphabetical order. */
  readonly names: readonly string[];
  /** Directories that cannot be read, with the errno. */
  readonly unread: readonly { readonly dir: string; readonly why: string }[];
}

/** What `dirs` hold. Never throws. */
export function readPluginDirs(dirs: readonly string[]): PluginDirs {
  const looked = dirs.map(namesIn);
  const names = new Set(looked.flatMap((each) => ("names" in each ? each.names : [])));
  const unread = looked.flatMap((each) => ("why" in each ? [each] : []));
  return { names: [...names].toSorted(), unread };
}

function namesIn(
  dir: string,
): { readonly names: readonly string[] } | { readonly dir: string; readonly why: string } {
  try {
    return { names: filesIn(dir) };
  } catch (error) {
    return { dir, why: reasonOf(error) };
  }
}

function filesIn(dir: string): readonly string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name);
}
