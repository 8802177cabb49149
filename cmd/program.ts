/** The command line, made of its declarations. The only file that knows the library that parses it. */
import { Argument, Command, Option, type OutputConfiguration } from "commander";
import type { RunCommand, Values } from "./command";
import type { CommandNode } from "./commands/completion/tree";
import { COMMANDS } from "./declarations/commands";
import {
  EXIT_STATUSES,
  type ArgumentSpec,
  type CommandSpec,
  type Example,
  type OptionSpec,
} from "./declarations/spec";
import { wrap } from "../lib/text/wrap";
import type { Io } from "./io";
import { aboutText } from "./version";

/** A command that is to be run. */
export interface Call {
  /** The first word: `routes` for `wrapper routes plan`. */
  readonly name: string;
  readonly load: () => Promise<RunCommand>;
  readonly positionals: readonly string[];
  readonly values: Values;
}

/** The library's end of a command line that starts no command: help was printed, or there was a mistake. */
export class Stop extends Error {
  constructor(
    /** The library's code, such as `commander.unknownCommand`. */
    readonly code: string,
    /** For people; lines after the first suggest what may have been meant. */
    message: string,
    readonly command: Command,
  ) {
    super(message);
  }
}

/** The width of help texts (columns). */
const HELP_WIDTH = 80;

const AFTER_HELP = `
Examples:
  wrapper status
      the first command at night: what is wrong, and what ends it
  wrapper explain team-a/web-0
      the way of a pod's packets, and the first step that is wrong
  wrapper validate ./new.conflist
      a conflist before it is switched on

wrapper COMMAND --help says more.
Exit status: ${EXIT_STATUSES}.
Run by a container runtime (CNI_COMMAND set, no arguments), this binary is the
CNI plugin.`;

type Start = (call: Call) => Promise<void>;

/** What each command was made of. */
const DECLARED = new WeakMap<Command, CommandSpec>();

/**
 * The program. Parsing throws Stop, or ends in `start` for the command that was named; the library
 * itself neither exits nor writes anywhere but to `io.stdout`.
 */
export function createProgram(io: Pick<Io, "stdout">, start: Start): Command {
  const program = new Command("wrapper")
    .usage("COMMAND [options]")
    .description("the tenant-routing CNI plugin's command line")
    .configureOutput(outputOf(io))
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .helpOption("-h, --help", "print help")
    .helpCommand("help [COMMAND...]", "print the help of a command, as COMMAND --help does")
    .version(aboutText().trimEnd(), "-V, --version", "as the command version")
    // Else `wrapper check --version` would print a version.
    .enablePositionalOptions()
    .addHelpText("after", AFTER_HELP);
  for (const spec of COMMANDS) addCommand(program, spec, start);
  stopInsteadOfExit(program);
  return program;
}

function addCommand(parent: Command, spec: CommandSpec, start: Start): void {
  const command = parent.command(spec.name, { hidden: spec.hidden ?? false });
  DECLARED.set(command, spec);
  command.usage(spec.usage).description(spec.description);
  command.addHelpText("after", afterHelp(spec));
  if (spec.argument !== undefined) command.addArgument(argumentOf(spec.argument));
  for (const option of optionsOf(spec)) command.addOption(optionOf(option));
  const { load, actions = [] } = spec;
  // Options count before and after the action.
  if (load === undefined) command.helpCommand(false).enablePositionalOptions(false);
  else command.action(() => start(callOf(command, load)));
  for (const action of actions) addCommand(command, action, start);
}

/** A command takes the options of its visible actions too, so that they may stand before the action's name. */
function optionsOf({ options = [], actions = [] }: CommandSpec): readonly OptionSpec[] {
  const below = actions.filter(({ hidden = false }) => !hidden).flatMap((each) => each.options);
  return [...new Set([...options, ...below.filter((option) => option !== undefined)])];
}

function callOf(command: Command, load: NonNullable<CommandSpec["load"]>): Call {
  return {
    name: namesOf(command)[1] ?? "",
    load: () => load(treeOf(rootOf(command))),
    positionals: command.args,
    values: command.optsWithGlobals<Values>(),
  };
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

function afterHelp({ examples = [], statuses = EXIT_STATUSES }: CommandSpec): string {
  const shown = examples.map(({ call, about }) => `  ${call}\n      ${about}`);
  const heading = shown.length === 0 ? [] : ["", "Examples:", ...shown];
  return [...heading, "", ...wrap(`Exit status: ${statuses}.`, HELP_WIDTH)].join("\n");
}

/** The visible commands with their options, for completion, the man page and tests of the pages. */
export function treeOf(command: Command): CommandNode {
  const help = command.createHelp();
  const below = help.visibleCommands(command).map(treeOf);
  const choices = below.map(({ name }) => name).filter((name) => name !== "help");
  const commands = below.map((node) => (node.name === "help" ? { ...node, choices } : node));
  return {
    name: command.name(),
    usage: command.usage(),
    description: command.description(),
    options: help.visibleOptions(command).map(({ short, long = "", description, ...option }) => ({
      ...(short === undefined ? {} : { short }),
      long,
      description,
      ...(option.required ? { value: valueName(option.flags) } : {}),
      choices: option.argChoices ?? [],
    })),
    choices: command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices),
    ...aboutOf(command),
    commands,
  };
}

/** What the library does not keep: the examples and the exit statuses. The program itself was not declared. */
function aboutOf(command: Command): {
  readonly examples: readonly Example[];
  readonly statuses: string;
} {
  const { examples = [], statuses = EXIT_STATUSES } = DECLARED.get(command) ?? {};
  return { examples, statuses };
}

function valueName(flags: string): string {
  return /<(\w+)>/.exec(flags)?.[1] ?? "";
}

/** An option with a closed set of values has the first as its default. A command itself refuses others. */
function optionOf({ flags, description, choices }: OptionSpec): Option {
  const option = new Option(flags, description);
  if (choices === undefined) return option;
  option.default(choices[0]);
  option.argChoices = [...choices];
  return option;
}

/** A command itself refuses what is not among the choices. */
function argumentOf({ name, choices }: ArgumentSpec): Argument {
  const argument = new Argument(name);
  if (choices !== undefined) argument.argChoices = [...choices];
  return argument;
}

/** Mistakes are thrown (Stop), so nothing is written for them. Colours and widths do not depend on where it goes. */
function outputOf(io: Pick<Io, "stdout">): OutputConfiguration {
  return {
    writeOut: io.stdout,
    writeErr: () => {},
    outputError: () => {},
    getOutHelpWidth: () => HELP_WIDTH,
    getErrHelpWidth: () => HELP_WIDTH,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  };
}

function stopInsteadOfExit(command: Command): void {
  command.exitOverride(({ code, message }) => {
    throw new Stop(code, withHint(message.replace(/^error: /, ""), command), command);
  });
  command.commands.forEach(stopInsteadOfExit);
}

/** The library suggests options that are spelled alike; this one knows those of other tools. */
function withHint(message: string, command: Command): string {
  const [, option = ""] = /^unknown option '([^']+)'$/.exec(message) ?? [];
  const hasOutput = command.options.some(({ long }) => long === "--output");
  const json = option === "--json" && hasOutput ? "did you mean -o json?" : undefined;
  const hint = DECLARED.get(command)?.otherwise?.[option] ?? json;
  return hint === undefined ? message : `${message}\n(${hint})`;
}

/** `wrapper routes plan` as its words. */
export function namesOf(command: Command): readonly string[] {
  return command.parent === null ? [command.name()] : [...namesOf(command.parent), command.name()];
}
