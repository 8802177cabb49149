/** Types only: a command of the command line as data. Help, suggestions, completions and the man page come from it. */
import type { RunCommand } from "../command";
import type { CommandNode } from "../commands/completion/tree";

/** An option with a closed set of values has them as `choices`, the first of which is the default. */
export interface OptionSpec {
  /** As the help shows them: `-c, --conf <FILE>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
}

export interface ArgumentSpec {
  /** As the help shows it: `[POD]`, `<SHELL>`, `[NAME...]`. */
  readonly name: string;
  readonly choices?: readonly string[];
}

/** A call that can be copied, and what it does. */
export interface Example {
  readonly call: string;
  readonly about: string;
}

export interface CommandSpec {
  readonly name: string;
  /** What follows the names of the command in its help. */
  readonly usage: string;
  /** One sentence without a full stop, beginning with a verb. */
  readonly description: string;
  readonly argument?: ArgumentSpec;
  readonly options?: readonly OptionSpec[];
  readonly examples?: readonly Example[];
  /** What to do instead of an option that other tools have, by the option. */
  readonly otherwise?: Readonly<Record<string, string>>;
  /** One sentence; undefined: as EXIT_STATUSES says. */
  readonly statuses?: string;
  /** Not for people: in no help and no completion. */
  readonly hidden?: boolean;
  /** Words that must follow, or may where there is `load` too. Their options may stand before them as well. */
  readonly actions?: readonly CommandSpec[];
  /** Loads what runs the command; `root` is the whole command line. Undefined: only its actions run. */
  readonly load?: (root: CommandNode) => Promise<RunCommand>;
}

/** What the exit status of most commands means. */
export const EXIT_STATUSES = "0 all good, 1 something is wrong, 2 could not look";
