/** Pure: what can be wrong with the runtime's view of the node: TR03xx. */
import { shellWord } from "../../text/shell";
import type { Kind } from "../finding";

/** A directory with conflists, a file in it, and the file that is meant to be used. */
interface FileFacts {
  readonly dir: string;
  readonly file: string;
}

interface OtherFacts extends FileFacts {
  readonly ours: string;
  /** A name for ours that sorts before `file`. */
  readonly first: string;
}

interface RenamedFacts extends FileFacts {
  /** Who did it; undefined: nobody that is known. */
  readonly by: string | undefined;
  /** What the runtime uses instead. */
  readonly used: string | undefined;
  /** A name for ours that sorts before that. */
  readonly first: string;
}

interface PluginFacts {
  readonly type: string;
  /** For people: `delegate`, `IPAM of the delegate`. */
  readonly role: string;
  /** The directories that were searched. */
  readonly dirs: readonly string[];
}

const UNMARKED = "every new pod starts WITHOUT a tenant, and nothing fails";

const NO_NETWORK = "no pod starts, and the node becomes NotReady";

export const RUNTIME = {
  "another-conflist-first": {
    code: "TR0301",
    category: "runtime",
    severity: "failed",
    title: "Another conflist sorts before ours",
    fault: ({ file, ours }: OtherFacts) =>
      `the runtime uses ${file}, which sorts before our ${ours}`,
    consequence: () => UNMARKED,
    remedy: ({ dir, ours, first }: OtherFacts) => moved(dir, ours, first),
  },
  "conflist-renamed": {
    code: "TR0302",
    category: "runtime",
    severity: "failed",
    title: "Our conflist was renamed",
    fault: ({ file, by, used }: RenamedFacts) =>
      `${by ?? "somebody"} renamed our conflist to ${file}; the runtime ${used === undefined ? "has none" : `uses ${used}`}`,
    consequence: ({ used, by }: RenamedFacts) =>
      `${used === undefined ? NO_NETWORK : UNMARKED}${by === "Cilium" ? "; it does so again unless its cni.exclusive is false" : ""}`,
    remedy: ({ dir, file, first }: RenamedFacts) => moved(dir, file, first),
  },
  "conflist-missing": {
    code: "TR0303",
    category: "runtime",
    severity: "failed",
    title: "There is no conflist of ours",
    fault: ({ dir, used }: { readonly dir: string; readonly used: string | undefined }) =>
      `no conflist in ${dir} has our plugin; the runtime ${used === undefined ? "has none at all" : `uses ${used}`}`,
    consequence: ({ used }: { readonly used: string | undefined }) =>
      used === undefined ? NO_NETWORK : UNMARKED,
    remedy: ({ dir, first }: { readonly dir: string; readonly first: string }) =>
      `Write ${dir}/${first}, as docs/install.md says`,
  },
  "conflist-copy": {
    code: "TR0304",
    category: "runtime",
    severity: "warning",
    title: "Two conflists have our plugin",
    fault: ({ file, ours }: FileFacts & { readonly ours: string }) =>
      `${file} has our plugin too; the runtime uses ${ours}`,
    consequence: () => "a change in the wrong one has no effect, and nothing says so",
    remedy: ({ dir, file }: FileFacts) => moved(dir, file, `${file}.unused`),
  },
  "conflist-unreadable": {
    code: "TR0305",
    category: "runtime",
    severity: "failed",
    title: "A conflist cannot be read",
    fault: ({ file, problem }: FileFacts & { readonly problem: string }) => `${file} ${problem}`,
    consequence: () =>
      "containerd starts no pod once it reads the file again; CRI-O takes the next file instead",
    remedy: ({ dir, file, problem }: FileFacts & { readonly problem: string }) =>
      `Correct ${dir}/${file}${/line \d+, column \d+/.exec(problem)?.[0].replace(/^/, " at ") ?? ""}`,
  },
  "conflist-refused": {
    code: "TR0306",
    category: "runtime",
    severity: "failed",
    title: "ADD refuses what our conflist says",
    fault: ({ file, problem }: FileFacts & { readonly problem: string }) => `${file}: ${problem}`,
    consequence: () => "every ADD fails, so no pod starts",
    remedy: ({ dir, file }: FileFacts) => `Correct ${dir}/${file} as the message says`,
  },
  "plugin-order": {
    code: "TR0307",
    category: "runtime",
    severity: "failed",
    title: "Our plugin has the wrong place in the list",
    fault: ({ file, chained }: FileFacts & { readonly chained: boolean }) =>
      chained
        ? `${file} has our plugin first and without a "delegate"`
        : `${file} has another plugin before ours, and ours has a "delegate"`,
    consequence: ({ chained }: { readonly chained: boolean }) =>
      chained
        ? "there is no interface that could be marked: every ADD fails"
        : "two plugins make the pod's interface, so every ADD fails",
    remedy: ({ dir, file, chained }: FileFacts & { readonly chained: boolean }) =>
      chained
        ? `Add a "delegate" to our plugin in ${dir}/${file}, or put it behind the main plugin`
        : `Move our plugin to the front of "plugins" in ${dir}/${file}`,
  },
  "plugin-missing": {
    code: "TR0308",
    category: "runtime",
    severity: "failed",
    title: "A plugin is missing",
    fault: ({ type, role, dirs }: PluginFacts) =>
      `plugin "${type}" (${role}) is in none of the runtime's directories (${dirs.join(", ")})`,
    consequence: () => "every ADD that needs it fails with code 100 or in the runtime",
    remedy: ({
      type,
      dirs,
      elsewhere,
    }: PluginFacts & { readonly elsewhere: string | undefined }) =>
      elsewhere === undefined
        ? `Install ${type} in ${dirs[0] ?? "the runtime's plugin directory"}`
        : `install -m 0755 ${shellWord(elsewhere)} ${shellWord(`${dirs[0] ?? ""}/${type}`)}`,
  },
  "plugin-unusable": {
    code: "TR0309",
    category: "runtime",
    severity: "failed",
    title: "A plugin cannot be executed",
    fault: ({ role, path, problem }: PluginFacts & UnusableFacts) =>
      `${path} (${role}) ${problem ?? "is not executable"}`,
    consequence: () => "every ADD that needs it fails",
    remedy: ({ path, problem }: PluginFacts & UnusableFacts) =>
      problem === undefined ? `chmod 0755 ${shellWord(path)}` : `Install ${path} again`,
  },
  "launcher-alone": {
    code: "TR0310",
    category: "runtime",
    severity: "failed",
    title: "The launcher has no packed binary beside it",
    fault: ({ path }: { readonly path: string }) =>
      `${path} is the launcher, and there is no program ${path}.bin beside it`,
    consequence: () => "without a running agent every ADD and DEL fails",
    remedy: ({ path, binary }: { readonly path: string; readonly binary: string }) =>
      `install -m 0755 ${shellWord(binary)} ${shellWord(`${path}.bin`)}`,
  },
} satisfies Record<string, Kind<never>>;

interface UnusableFacts {
  readonly path: string;
  /** undefined: it has no right to be executed. */
  readonly problem: string | undefined;
}

function moved(dir: string, from: string, to: string): string {
  return `mv ${shellWord(`${dir}/${from}`)} ${shellWord(`${dir}/${to}`)}`;
}
