/** Pure: where containerd looks for conflists and plugins, from its configuration. */

/** What the configuration names; undefined: it is silent, so the default counts. */
export interface RuntimePaths {
  readonly confDir: string | undefined;
  readonly binDirs: readonly string[] | undefined;
}

/**
 * Reads `conf_dir`, `bin_dir` (containerd 1.x) and `bin_dirs` (2.x) of the CRI plugin's table `cni`. Not a
 * reader of all of TOML: what it does not understand counts as silence.
 */
export function readRuntimePaths(toml: string): RuntimePaths {
  const table = toml
    .split(/^[ \t]*(?=\[)/m)
    .find((part) => /^\[plugins\.(["'])io\.containerd\.(?:grpc|cri)\.v1\.\w+\1\.cni\]/.test(part));
  const text = (table ?? "").replace(/^[ \t]*#.*$/gm, "");
  const [, binDirs] = /^[ \t]*bin_dirs[ \t]*=[ \t]*\[([^\]]*)\]/m.exec(text) ?? [];
  const dirs = binDirs === undefined ? [textOf(text, "bin_dir")] : stringsIn(binDirs);
  const binDirsFound = dirs.flatMap((dir) => (dir?.startsWith("/") === true ? [dir] : []));
  return {
    confDir: textOf(text, "conf_dir"),
    binDirs: binDirsFound.length === 0 ? undefined : binDirsFound,
  };
}

function textOf(table: string, key: string): string | undefined {
  const [, , value] =
    new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*(["'])([^"'\\n]*)\\1`, "m").exec(table) ?? [];
  return value === undefined || value === "" ? undefined : value;
}

function stringsIn(list: string): readonly string[] {
  return [...list.matchAll(/(["'])([^"'\n]*)\1/g)].map(([, , value = ""]) => value);
}
