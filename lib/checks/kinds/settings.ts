/** Pure: what can be wrong with what a conflist says, and with its place in net.d: TR0411 on. */
import { shellWord } from "../../text/shell";
import type { Kind } from "../finding";
import { capital, edited, type FileFacts } from "./conflist-words";

interface PlaceFacts extends FileFacts {
  /** From 1; undefined: nothing of it is written. */
  readonly line: number | undefined;
}

interface SettingFacts {
  readonly pointer: string;
  readonly problem: string;
  readonly hint: string;
}

interface MarkFacts extends PlaceFacts {
  readonly tenant: string;
  /** `0x10/0xff`. */
  readonly mark: string;
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

interface ProtocolFacts extends PlaceFacts {
  readonly type: string;
  readonly path: string;
  readonly version: string;
  /** The newest that the plugin speaks. */
  readonly newest: string;
}

interface OrderFacts extends FileFacts {
  readonly dir: string;
  /** The file that the runtime takes instead. */
  readonly other: string;
  /** The name that ours would have, and one that sorts before `other`. */
  readonly name: string;
  readonly first: string;
}

export const SETTINGS = {
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
  "renamed-before": {
    code: "TR0418",
    category: "conflist",
    severity: "warning",
    title: "Cilium renames conflists on this node",
    fault: ({ dir, file }: FileFacts & { readonly dir: string }) =>
      `${dir} has ${file}, which is a conflist of ours that Cilium has renamed`,
    consequence: () => "it renames this one too, and every new pod starts WITHOUT a tenant",
    remedy: () =>
      `kubectl -n kube-system patch configmap cilium-config --type merge -p '{"data":{"cni-exclusive":"false"}}'`,
  },
} satisfies Record<string, Kind<never>>;

function place(file: string, line: number | undefined): string {
  return line === undefined ? file : `${file}, line ${line}`;
}
