/** What the commands share. The plugin takes this up too (for the exit status), so it stays small. */
import { CniError } from "../lib/cni/error";
import type { Io } from "./io";

/** Exit status when the command did its work and found something wrong. */
export const EXIT_WRONG = 1;
/** Exit status when the command could not do its work, or does not exist. */
export const EXIT_FAILED = 2;
/** Exit status of a plan of the routes that collides with what others have on the node. */
export const EXIT_COLLISION = 3;

/** The options of all commands as they were given; a command reads those that it declares. */
export interface Values {
  readonly conf?: string;
  readonly output?: string;
  readonly cniPath?: string;
  /** False with --no-delegate. */
  readonly delegate?: boolean;
  readonly dryRun?: boolean;
  readonly sysctl?: boolean;
  readonly force?: boolean;
  readonly format?: string;
  readonly verify?: boolean;
  readonly pause?: boolean;
  readonly page?: boolean;
  readonly keep?: boolean;
  readonly remove?: boolean;
  readonly apply?: boolean;
  /** No question is asked. */
  readonly yes?: boolean;
  readonly unclaimed?: boolean;
  /** What this machine knows by itself. */
  readonly local?: boolean;
  readonly once?: boolean;
  readonly apiServer?: string;
  readonly launcher?: string;
  readonly only?: string;
  readonly watch?: boolean;
  readonly netDir?: string;
  readonly api?: boolean;
  readonly live?: boolean;
}

/** Runs a command and returns the exit status. What it throws becomes a message and EXIT_FAILED. */
export type RunCommand = (
  io: Io,
  positionals: readonly string[],
  values: Values,
) => Promise<number>;

export const OUTPUT_FORMATS = ["table", "json"] as const;
type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** What --output asks for. Throws CniError `invalidEnvironment` for a format that does not exist. */
export function outputFormat({ output = "table" }: Values): OutputFormat {
  const format = OUTPUT_FORMATS.find((each) => each === output);
  if (format !== undefined) return format;
  throw new CniError(
    "invalidEnvironment",
    `unknown output format "${output}": use ${OUTPUT_FORMATS.join(" or ")}`,
  );
}

/** What --output of `explain` knows: a tree, an object, or a picture. */
export const EXPLAIN_FORMATS = [...OUTPUT_FORMATS, "mermaid", "dot", "svg"] as const;
export type ExplainFormat = (typeof EXPLAIN_FORMATS)[number];

/** What --format of `routes router-config` knows; the first one is the default. */
export const ROUTER_FORMATS = ["nftables", "frr", "routeros"] as const;
export type RouterFormat = (typeof ROUTER_FORMATS)[number];

/** Where packages and releases put CNI plugins. */
export const DEFAULT_CNI_PATH = "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni";
/** As the help says it. */
export const CNI_PATH_DEFAULT = `where the runtime looks, then ${DEFAULT_CNI_PATH}`;
