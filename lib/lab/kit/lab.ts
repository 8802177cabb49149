/** What a lab is, and what it is given. */
import type { Machine, ShowOptions } from "./machines";
import type { Needs } from "./needs";
import type { Ran, Shell } from "./shell";
import type { Story } from "./story";
import type { World } from "./world";

export interface Lab extends Needs {
  /** At most 80 columns; also in docs/labs.md. */
  readonly picture: string;
  /**
   * Builds the topology and tells the story. What it throws ends the lab as "could not run"; what
   * does not hold is a claim. Removes nothing but what its story removes: the kit does that.
   */
  play(stage: Stage): Promise<void>;
}

/** Everything a lab works with. */
export interface Stage {
  readonly story: Story;
  readonly world: World;
  readonly shell: Shell;
  /** The lab's files: conflists, state, logs. */
  readonly dir: string;
  /** The machines are left standing at the end: a lab leaves out the steps that take its pods down. */
  readonly keep: boolean;
  /** This binary, packed: plugin, command line and probe in one. */
  readonly binary: string;
  /** CNI_PATH for the plugins: the lab's own directory with our plugin, then the machine's. */
  readonly cniPath: readonly string[];
  /** The newest CNI version that the installed plugins speak. */
  readonly cniVersion: string;
  /** Runs `wrapper ...` on a machine and shows it, with the lab's directory left out of what is shown. */
  wrapper(on: Machine, args: readonly string[], options?: ShowOptions): Promise<Ran>;
  /** Writes a file of the lab's directory; an object becomes JSON. Returns its path. */
  write(name: string, content: string | object): string;
}
