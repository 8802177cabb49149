/** Options that several commands share. */
import { CNI_PATH_DEFAULT, OUTPUT_FORMATS } from "../command";
import type { OptionSpec } from "./spec";

export const conf: OptionSpec = {
  flags: "-c, --conf <FILE>",
  description: "conflist to read (default: the first one with our plugin where the runtime looks)",
};

export const output: OptionSpec = {
  flags: "-o, --output <FORMAT>",
  description: "output format",
  choices: OUTPUT_FORMATS,
};

/** `--cni-path` with what it is there for. */
export function cniPath(description: string): OptionSpec {
  return { flags: "--cni-path <DIRS>", description };
}

export const recordedCniPath = cniPath(
  `where the delegate plugins are (default: where the pod's ADD looked; for records without that $CNI_PATH, else ${CNI_PATH_DEFAULT})`,
);

export const sysctl: OptionSpec = {
  flags: "--sysctl",
  description: "change kernel settings too, instead of only checking them",
};
