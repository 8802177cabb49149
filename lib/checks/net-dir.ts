/** Pure: which file of net.d the runtime uses, and what keeps ours from being that one. */
import { readConfFile, type ConfFile, type ReadFile } from "../cni/conflist";

/** A file that holds our plugin under a name that no runtime reads. */
export interface RenamedFile {
  readonly name: string;
  /** Who renames files so; undefined: nobody that is known. */
  readonly by: string | undefined;
}

/** net.d as a runtime sees it. */
export interface NetDir {
  /** What the runtime reads, in its order. */
  readonly files: readonly ReadFile[];
  /**
   * The file that decides. containerd takes the first, and has no network at all when that one is
   * refused (go-cni `loadFromConfDir`); CRI-O skips refused files (ocicni `loadNetworks`). Undefined: there is none.
   */
  readonly used: ReadFile | undefined;
  /** Our file: the first that holds our plugin. */
  readonly ours: ReadFile | undefined;
  /** What sorts before ours, refused files too; without a file of ours all of them. */
  readonly before: readonly ReadFile[];
  /** More files with our plugin, after ours. */
  readonly copies: readonly ReadFile[];
  /** Files with our plugin that no runtime reads. */
  readonly renamed: readonly RenamedFile[];
}

/** What a runtime reads (go-cni, ocicni, libcni.ConfFiles). */
const READ = /\.(?:conf|conflist|json)$/;
/** Who renames other plugins' files, by the end of their new names. */
const RENAMERS: readonly (readonly [RegExp, string])[] = [[/\.cilium_bak$/, "Cilium"]];

/** True for a name that runtimes read. */
export function isRead(name: string): boolean {
  return READ.test(name);
}

/** Judges the files of net.d as `runtime` does. */
export function netDirOf(
  entries: readonly ConfFile[],
  runtime: "containerd" | "CRI-O" = "containerd",
): NetDir {
  const sorted = entries.toSorted(byName);
  const files = sorted.filter(({ name }) => isRead(name)).map(readConfFile);
  const ours = files.findIndex((file) => file.ours);
  return {
    files,
    used: runtime === "CRI-O" ? files.find(({ fault }) => fault === undefined) : files[0],
    ours: files[ours],
    before: ours === -1 ? files : files.slice(0, ours),
    copies: ours === -1 ? [] : files.slice(ours + 1).filter((file) => file.ours),
    renamed: sorted
      .filter(({ name }) => !isRead(name))
      .filter((file) => readConfFile(file).ours)
      .map(({ name }) => ({ name, by: RENAMERS.find(([end]) => end.test(name))?.[1] })),
  };
}

/** Go sorts names by their bytes. */
function byName(one: ConfFile, other: ConfFile): number {
  return Buffer.compare(Buffer.from(one.name), Buffer.from(other.name));
}
