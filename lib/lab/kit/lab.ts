/** What a lab is, and what it is given. */
import type { Machine, ShowOptions } from "./machines";
import type { Needs } from "./needs";
import type { Ran, Shell } from "./shell";
import type { Transcript } from "./transcript";
import type { Workspace } from "./workspace";

export interface Lab extends Needs {
  /** At most 80 columns; also in docs/labs.md. */
  readonly picture: string;
  /**
   * Builds the topology and goes through the steps. What it throws ends the lab as "could not run";
   * what does not hold is a statement that failed. Removes only what a step is about: the kit
   * removes the rest.
   */
  run(setup: Setup): Promise<void>;
  /** The same for an audience: fewer steps, with an agent whose page shows each. */
  runWithPage?(setup: Setup): Promise<void>;
  /** Commands to try with `--keep`, on machines of the lab; without it `ip rule` on its node. */
  lookAround?(setup: Setup): readonly string[];
}

/** Everything a lab works with. */
export interface Setup {
  readonly transcript: Transcript;
  readonly workspace: Workspace;
  readonly shell: Shell;
  /** The lab's files: conflists, state, logs. */
  readonly dir: string;
  /** The machines stay at the end: a lab leaves out the steps that take its pods down. */
  readonly keep: boolean;
  /** This binary, packed: plugin, command line and probe in one. */
  readonly binary: string;
  /** CNI_PATH for the plugins: the lab's own directory with our plugin, then the machine's. */
  readonly cniPath: readonly string[];
  /** The newest CNI version that the installed plugins speak. */
  readonly cniVersion: string;
  /** Where the plugin finds an agent; undefined: the packed binary itself is the plugin. */
  readonly agentSocket: string | undefined;
  /** A program that serves Kubernetes objects (test/apiserver/serve.sh); undefined: there is none. */
  readonly apiServer: string | undefined;
  /** Runs `wrapper ...` on a machine and shows it, with the lab's directory left out of what is shown. */
  wrapper(on: Machine, args: readonly string[], options?: ShowOptions): Promise<Ran>;
  /** Writes a file of the lab's directory; an object becomes JSON. Returns its path. */
  write(name: string, content: string | object): string;
}
