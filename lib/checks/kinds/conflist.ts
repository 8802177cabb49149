/** Pure: what can be wrong with a conflist itself: TR04xx. */
import { shellWord } from "../../text/shell";
import type { Kind } from "../finding";

interface FileFacts {
  /** As it was named on the command line; `stdin`. */
  readonly file: string;
}

interface PlaceFacts extends FileFacts {
  /** From 1; undefined: nothing of it is written. */
  readonly line: number | undefined;
}

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

interface ProtocolFacts extends PlaceFacts {
  readonly type: string;
  readonly path: string;
  readonly version: string;
  /** The newest that the plugin speaks. */
  readonly newest: string;
}

interface MarkFacts extends PlaceFacts {
  readonly tenant: string;
  /** `0x10/0xff`. */
  readonly mark: string;
}

interface OrderFacts extends FileFacts {
  readonly dir: string;
  /** The file that the runtime takes instead. */
  readonly other: string;
  /** The name that ours would have, and one that sorts before `other`. */
  readonly name: string;
  readonly first: string;
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
  setting: {
    code: "TR0411",
    category: "conflist",
    severity: "failed",
    title: "A setting is wrong",
    fault: ({ file, line, problem }: PlaceFacts & SettingFacts) =>
      `${place(file, line)}: ${problem}`,
    consequence: () => "every ADD is refused, so no pod starts on this node",
    remedy: ({ hint, pointer }: SettingFacts) => `${capital(hint)} (${pointer})`,
  },
  "whole-mark": {
    code: "TR0412",
    category: "conflist",
    severity: "warning",
    title: "A mark has no mask",
    fault: ({ file, line, tenant, mark }: MarkFacts) =>
      `${place(file, line)}: the mark of tenant ${tenant} has no mask, so it is ${mark}: the whole mark`,
    consequence: ({ others }: MarkFacts & WholeFacts) =>
      `the rule overwrites the bits of all others, such as ${others.join(", ")}`,
    remedy: ({ file, proposal }: MarkFacts & WholeFacts) => proposal(file),
  },
  "known-bits": {
    code: "TR0413",
    category: "conflist",
    severity: "warning",
    title: "A mark has bits of a neighbour's",
    fault: ({ file, line, tenant, mark, user, bits }: MarkFacts & KnownFacts) =>
      `${place(file, line)}: mark ${mark} of tenant ${tenant} has the bits ${bits} of ${user}`,
    consequence: () => "each disturbs what the other wrote into the mark",
    remedy: ({ free, hint, tenant }: MarkFacts & KnownFacts) =>
      `Give tenant ${tenant} another mark${free === undefined ? "" : `, such as ${free}`}${hint === undefined ? "" : ` (${hint})`}`,
  },
  "capability-missing": {
    code: "TR0414",
    category: "conflist",
    severity: "warning",
    title: "A plugin lacks its capability",
    fault: ({ file, line, type, capability }: PlaceFacts & CapabilityFacts) =>
      `${place(file, line)}: plugin ${type} has no "capabilities": {"${capability}": true}`,
    consequence: ({ without }: PlaceFacts & CapabilityFacts) =>
      `the runtime does not tell it anything: ${without} does nothing`,
    remedy: ({ type, capability }: PlaceFacts & CapabilityFacts) =>
      `Write {"type": "${type}", "capabilities": {"${capability}": true}}`,
  },
  "protocol-too-new": {
    code: "TR0415",
    category: "conflist",
    severity: "failed",
    title: "A plugin does not speak the cniVersion",
    fault: ({ file, line, type, path, version, newest }: ProtocolFacts) =>
      `${place(file, line)}: cniVersion is ${version}, but ${type} (${path}) speaks at most ${newest}`,
    consequence: () =>
      "every ADD fails with code 1, and STATUS with code 50; plugins know 1.1.0 from release 1.6.0 on",
    remedy: ({ file, version, newest }: ProtocolFacts) =>
      edited(file, `s/"cniVersion": *"${version}"/"cniVersion": "${newest}"/`),
  },
  "protocol-unknown": {
    code: "TR0416",
    category: "conflist",
    severity: "failed",
    title: "Our plugin does not know the cniVersion",
    fault: ({ file, line, version }: PlaceFacts & { readonly version: string }) =>
      `${place(file, line)}: cniVersion is "${version}", which this plugin does not know`,
    consequence: () => "every ADD fails with code 1, so no pod starts on this node",
    remedy: ({ known }: { readonly known: readonly string[] }) =>
      `Write "cniVersion": "1.0.0" (known are ${known.join(", ")})`,
  },
  "sorts-behind": {
    code: "TR0417",
    category: "conflist",
    severity: "failed",
    title: "Another conflist would sort before this one",
    fault: ({ dir, other, name }: OrderFacts) =>
      `the runtime would still use ${dir}/${other}, which sorts before ${name}`,
    consequence: () => "every new pod starts WITHOUT a tenant, and nothing fails",
    remedy: ({ file, dir, first }: OrderFacts) =>
      file === "stdin"
        ? `Install it as ${dir}/${first}`
        : `mv ${shellWord(file)} ${shellWord(`${dir}/${first}`)}`,
  },
} satisfies Record<string, Kind<never>>;

interface DuplicateFacts {
  readonly pointer: string;
  readonly lines: readonly number[];
}

interface SettingFacts {
  readonly pointer: string;
  readonly problem: string;
  readonly hint: string;
}

interface WholeFacts {
  /** Who else uses bits of the mark. */
  readonly others: readonly string[];
  /** What ends it, for the file of that name. */
  readonly proposal: (file: string) => string;
}

interface KnownFacts {
  readonly user: string;
  readonly bits: string;
  /** A mark that nobody known uses. */
  readonly free: string | undefined;
  /** How the neighbour can be told to use other bits. */
  readonly hint: string | undefined;
}

interface CapabilityFacts {
  readonly type: string;
  readonly capability: string;
  /** What does not work without it. */
  readonly without: string;
}

function place(file: string, line: number | undefined): string {
  return line === undefined ? file : `${file}, line ${line}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What stdin brought cannot be edited in place. */
function edited(file: string, script: string): string {
  return `sed -i ${shellWord(script)} ${file === "stdin" ? "FILE" : shellWord(file)}`;
}

function renamed(file: string, type: string, meant: string): string {
  return edited(file, `s/"${type.replace(/[\\/.*[\]^$&]/g, "\\$&")}"/"${meant}"/`);
}
