/** The shells whose completion can be printed. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

export type Shell = (typeof SHELLS)[number];

export interface OptionNode {
  /** With its dash, as the long one with its two. */
  readonly short?: string;
  readonly long: string;
  readonly description: string;
  /** The name of its value: FILE and DIRS are completed as paths. An option without one takes no value. */
  readonly value?: string;
  /** All values that there are; empty when the set is open. */
  readonly choices: readonly string[];
}

/** A visible command, its options and what may follow it. */
export interface CommandNode {
  readonly name: string;
  /** What follows the names of the command in its help. */
  readonly usage: string;
  readonly description: string;
  readonly options: readonly OptionNode[];
  /** All values of its argument that there are; empty when it has none or the set is open. */
  readonly choices: readonly string[];
  /** Calls that can be copied, and what each does. */
  readonly examples: readonly { readonly call: string; readonly about: string }[];
  /** What its exit status means, without a full stop. */
  readonly statuses: string;
  readonly commands: readonly CommandNode[];
}

/** What the program is called: the binary has two names. */
export const PROGRAMS = ["wrapper", "tenant-routing-wrapper"] as const;

/** `node` and all below it, each with the names that lead to it from `node`: none for itself. */
export function walk(
  node: CommandNode,
  names: readonly string[] = [],
): readonly (readonly [readonly string[], CommandNode])[] {
  return [[names, node], ...node.commands.flatMap((child) => walk(child, [...names, child.name]))];
}

/** Both spellings of an option, or the only one. */
export function spellings({ short, long }: OptionNode): readonly string[] {
  return short === undefined ? [long] : [short, long];
}

/** The options below `root` after which a value comes, which is no name of a command then. */
export function flagsWithValue(root: CommandNode): readonly string[] {
  const flags = walk(root).flatMap(([, { options }]) =>
    options.filter(({ value }) => value !== undefined).flatMap(spellings),
  );
  return [...new Set(flags)];
}

/** The values that an argument or an option can have, where there is a list of them, or the paths that are meant. */
export function kindOfValue({
  value = "",
  choices,
}: Pick<OptionNode, "value" | "choices">): "list" | "file" | "directory" | "open" {
  if (choices.length > 0) return "list";
  return value === "FILE" ? "file" : value === "DIRS" ? "directory" : "open";
}
