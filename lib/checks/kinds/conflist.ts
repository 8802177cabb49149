/** Pure: what can be wrong with a conflist as a text and as a list of plugins: TR0401 to TR0410. */
import type { Kind } from "../finding";
import { capital, edited, type FileFacts } from "./conflist-words";

interface SyntaxFacts extends FileFacts {
  readonly line: number;
  readonly column: number;
  readonly problem: string;
  readonly remedy: string;
  /** The line, without a credential. */
  readonly excerpt: string;
}

/** A word that was written, and the one that was probably meant. */
interface WordFacts extends FileFacts {
  readonly type: string;
  readonly meant: string;
}

interface DuplicateFacts {
  readonly pointer: string;
  readonly lines: readonly number[];
}

const NO_POD = "no pod starts on this node";

export const CONFLIST = {
  "json-syntax": {
    code: "TR0401",
    category: "conflist",
    severity: "failed",
    title: "The file is not JSON",
    fault: ({ file, line, column, problem, excerpt }: SyntaxFacts) =>
      `${file}, line ${line}, column ${column}: ${problem}: ${excerpt}`,
    consequence: () => `the runtime cannot read it: ${NO_POD}`,
    remedy: ({ file, line, column, remedy }: SyntaxFacts) =>
      `${capital(remedy)} (${file}, line ${line}, column ${column})`,
  },
  "byte-order-mark": {
    code: "TR0402",
    category: "conflist",
    severity: "failed",
    title: "The file begins with a byte-order mark",
    fault: ({ file }: FileFacts) =>
      `${file} begins with a byte-order mark, which JSON does not have`,
    consequence: () => `the runtime cannot read it: ${NO_POD}`,
    remedy: ({ file }: FileFacts) => edited(file, String.raw`1s/^\xEF\xBB\xBF//`),
  },
  "text-unreadable": {
    code: "TR0403",
    category: "conflist",
    severity: "failed",
    title: "The file is not text of JSON",
    fault: ({ problem }: FileFacts & { readonly problem: string }) => problem,
    consequence: () => `the runtime cannot read it: ${NO_POD}`,
    remedy: ({ file }: FileFacts) => `Write ${file} again, as docs/install.md says`,
  },
  "duplicate-key": {
    code: "TR0404",
    category: "conflist",
    severity: "warning",
    title: "A key is there twice",
    fault: ({ file, pointer, lines }: FileFacts & DuplicateFacts) =>
      `${file} has ${pointer} more than once, in the lines ${lines.join(" and ")}`,
    consequence: () => "the last one counts, and nothing says so",
    remedy: ({ file, lines }: FileFacts & DuplicateFacts) =>
      `Delete the one that is not meant (${file}, line ${lines.join(" or ")})`,
  },
  "no-conflist": {
    code: "TR0405",
    category: "conflist",
    severity: "failed",
    title: "The file is no conflist",
    fault: ({ file, problem }: FileFacts & { readonly problem: string }) => `${file} ${problem}`,
    consequence: () => `the runtime refuses the file: ${NO_POD}`,
    remedy: ({ file }: FileFacts) =>
      `Write ${file} as {"cniVersion": "1.0.0", "name": "...", "plugins": [{"type": "...", ...}]}`,
  },
  "single-plugin": {
    code: "TR0406",
    category: "conflist",
    severity: "warning",
    title: "The file holds a single plugin",
    fault: ({ file }: FileFacts) => `${file} is a single plugin, not a list of plugins`,
    consequence: () => "no plugin can run behind ours, so that hostPort (portmap) does nothing",
    remedy: ({ file }: FileFacts) =>
      `Put it into "plugins": [...] beside "cniVersion" and "name", in a file *.conflist in place of ${file}`,
  },
  "no-plugin-of-ours": {
    code: "TR0407",
    category: "conflist",
    severity: "failed",
    title: "Our plugin is not in the file",
    fault: ({ file, types }: FileFacts & { readonly types: readonly string[] }) =>
      `${file} has no plugin of type tenant-routing-wrapper, only ${types.join(", ") || "none at all"}`,
    consequence: () => "every new pod starts WITHOUT a tenant, and nothing fails",
    remedy: ({ file }: FileFacts) =>
      `Put {"type": "tenant-routing-wrapper", ...} first in "plugins" of ${file}, as docs/install.md says`,
  },
  "own-type-mistyped": {
    code: "TR0408",
    category: "conflist",
    severity: "failed",
    title: "The type of our plugin is mistyped",
    fault: ({ file, type, meant }: WordFacts) =>
      `${file} has no plugin of type ${meant}, but one of type ${type}: did you mean ${meant}?`,
    consequence: () => `the runtime finds no such plugin: ${NO_POD}`,
    remedy: ({ file, type, meant }: WordFacts) => renamed(file, type, meant),
  },
  "plugin-mistyped": {
    code: "TR0409",
    category: "conflist",
    severity: "failed",
    title: "The type of a plugin is mistyped",
    fault: ({
      type,
      role,
      meant,
      dirs,
    }: WordFacts & { readonly role: string; readonly dirs: readonly string[] }) =>
      `plugin ${type} (${role}) is in none of ${dirs.join(", ")}: did you mean ${meant}?`,
    consequence: () => "every ADD that needs it fails",
    remedy: ({ file, type, meant }: WordFacts) => renamed(file, type, meant),
  },
  "own-plugin-twice": {
    code: "TR0410",
    category: "conflist",
    severity: "failed",
    title: "Our plugin is in the list twice",
    fault: ({ file }: FileFacts) => `${file} has our plugin more than once`,
    consequence: () => "the second undoes or refuses what the first did, so every ADD fails",
    remedy: ({ file }: FileFacts) => `Delete all but one of them from "plugins" in ${file}`,
  },
} satisfies Record<string, Kind<never>>;

function renamed(file: string, type: string, meant: string): string {
  return edited(file, `s/"${type.replace(/[\\/.*[\]^$&]/g, "\\$&")}"/"${meant}"/`);
}
