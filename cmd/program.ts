/** The command line's commands, options and help. The only file that knows the library they are declared with. */
import { Argument, Command, Option, type OutputConfiguration } from "commander";
import { LABS } from "../lib/lab/labs";
import {
  DEFAULT_CNI_PATH,
  OUTPUT_FORMATS,
  ROUTER_FORMATS,
  type RunCommand,
  type Values,
} from "./command";
import { SHELLS, type CommandNode } from "./commands/completion/tree";
import type { RoutesAction } from "./commands/routes";
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
const HELP_WIDTH = 100;

const conf = new Option(
  "-c, --conf <FILE>",
  "conflist to read (default: the first one in /etc/cni/net.d with our plugin)",
);
const output = choice("-o, --output <FORMAT>", "output format", OUTPUT_FORMATS);
const cniPath = (what: string): Option => new Option("--cni-path <DIRS>", what);
const recordedCniPath = cniPath(
  `where the delegate plugins are (default: where the pod's ADD looked; for records without that $CNI_PATH, else ${DEFAULT_CNI_PATH})`,
);

/**
 * The program. Parsing throws Stop, or ends in `start` for the command that was named; the library
 * itself neither exits nor writes anywhere but to `io.stdout`.
 */
export function createProgram(
  io: Pick<Io, "stdout">,
  start: (call: Call) => Promise<void>,
): Command {
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
  const runs = (command: Command, load: Call["load"]): void => {
    command.action(() =>
      start({
        name: namesOf(command)[1] ?? "",
        load,
        positionals: command.args,
        values: command.optsWithGlobals<Values>(),
      }),
    );
  };
  addAttachmentCommands(program, runs);
  addAgent(program, runs);
  addRoutes(program, runs);
  addProofs(program, runs);
  addRest(program, runs);
  stopInsteadOfExit(program);
  return program;
}

type Runs = (command: Command, load: Call["load"]) => void;

const AFTER_HELP = `
wrapper COMMAND --help says more. Exit status: 0 all good, 1 something is wrong, 2 could not look.
Run by a container runtime (CNI_COMMAND set, no arguments), this binary is the CNI plugin.`;

function addAttachmentCommands(program: Command, runs: Runs): void {
  runs(
    program
      .command("check")
      .usage("[NAMESPACE/POD | CONTAINER-ID] [options]")
      .description(
        "compare the pods' firewall rules with the journal, and run the delegate's CHECK",
      )
      .argument("[POD]")
      .addOption(conf)
      .addOption(output)
      .addOption(recordedCniPath)
      .addOption(new Option("--no-delegate", "do not run the delegate's CHECK")),
    async () => (await import("./commands/check")).checkCommand,
  );
  runs(
    program
      .command("gc")
      .usage("[options]")
      .description("take down attachments whose sandbox is gone and whose DEL never came")
      .addOption(conf)
      .addOption(new Option("--dry-run", "only say what would be removed"))
      .addOption(recordedCniPath),
    async () => (await import("./commands/gc")).gcCommand,
  );
}

function addAgent(program: Command, runs: Runs): void {
  runs(
    program
      .command("agent")
      .usage("[options]")
      .description("answer the runtime's requests in one resident process until SIGTERM")
      .addOption(conf)
      .addOption(output)
      .addOption(
        new Option("--sysctl", "change kernel settings too, where the node's routes need them"),
      ),
    async () => (await import("./commands/agent")).agentCommand,
  );
}

function addRoutes(program: Command, runs: Runs): void {
  const sysctl = new Option(
    "--sysctl",
    "change kernel settings too, instead of only checking them",
  );
  const force = new Option("--force", "go ahead in spite of collisions");
  const format = choice("--format <FORMAT>", "of the router's configuration", ROUTER_FORMATS);
  const shared = [conf, output];
  const actions: readonly (readonly [RoutesAction, string, readonly Option[]])[] = [
    ["plan", "print what apply would change", [...shared, sysctl]],
    ["apply", "change what differs from the conflist", [...shared, sysctl, force]],
    ["show", "compare the node with the conflist", shared],
    ["remove", "put everything back as it was", shared],
    ["watch", "apply, and keep it so until SIGTERM", [...shared, sysctl, force]],
    ["router-config", "print what the router behind the node needs", [conf, format]],
  ];
  const routes = program
    .command("routes")
    .usage(`${actions.map(([name]) => name).join("|")} [options]`)
    .description("make the node's rules and routes match the tenants of the conflist")
    .helpCommand(false)
    .enablePositionalOptions(false);
  // Options count before and after the action, so `routes` itself takes them all; an action has them for its help.
  for (const option of [...shared, sysctl, force, format]) routes.addOption(option);
  for (const [name, description, options] of actions) {
    const action = routes.command(name).usage("[options]").description(description);
    for (const option of options) action.addOption(option);
    runs(action, async () => (await import("./commands/routes")).routesCommand(name));
  }
}

function addProofs(program: Command, runs: Runs): void {
  const lab = program
    .command("lab")
    .usage("[NAME | all] [options]")
    .description("prove a topology with real packets, in network namespaces of this machine")
    .addArgument(argument("[NAME...]", [...Object.keys(LABS), "all"]))
    .addOption(
      new Option("--verify", "say ok or FAILED for each statement; status 1 when one failed"),
    )
    .addOption(new Option("--pause", "wait for Enter before each step"))
    .addOption(new Option("--keep", "leave the machines standing, to look around"))
    .addOption(new Option("--remove", "remove what --keep, or a lab that was killed, left"))
    .addOption(cniPath(`where the CNI plugins are (default: ${DEFAULT_CNI_PATH})`))
    .addOption(
      new Option(
        "--api-server <PROGRAM>",
        "tenants, agent: serves the pods' annotations (the source's scripts bring one; default: the runtime passes them)",
      ),
    )
    .addOption(
      new Option("--launcher <FILE>", "agent: the launcher (default: the one beside this binary)"),
    );
  runs(lab, async () => (await import("./commands/lab")).labCommand);
  // What the labs run inside their machines: not for people.
  runs(
    lab.command("probe", { hidden: true }).argument("[WORDS...]"),
    async () => (io, words) =>
      import("../lib/lab/kit/probe/command").then(({ probeCommand }) => probeCommand(io, words)),
  );
  runs(
    program
      .command("selftest")
      .usage("[options]")
      .description(
        "prove on this node, in network namespaces, that what the conflist promises holds",
      )
      .addOption(conf)
      .addOption(output)
      .addOption(
        cniPath(`where the CNI plugins are (default: $CNI_PATH, else ${DEFAULT_CNI_PATH})`),
      ),
    async () => (await import("./commands/selftest")).selftestCommand,
  );
}

function addRest(program: Command, runs: Runs): void {
  runs(
    program
      .command("completion")
      .usage(`${SHELLS.join("|")} [options]`)
      .description("print a script that completes the command line in a shell")
      .addArgument(argument("<SHELL>", SHELLS)),
    async () => {
      const { completionCommand } = await import("./commands/completion");
      return async (io, [shell = ""]) => completionCommand(io, shell, treeOf(program));
    },
  );
  runs(
    program
      .command("version")
      .usage("[options]")
      .description("print version, commit and the supported CNI versions"),
    async () => async (io) => {
      io.stdout(aboutText());
      return 0;
    },
  );
}

/** The visible commands with their options, for completion and for tests of the pages. */
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
    commands,
  };
}

function valueName(flags: string): string {
  return /<(\w+)>/.exec(flags)?.[1] ?? "";
}

/** An option with a closed set of values, the first of which is the default. A command itself refuses others. */
function choice(flags: string, description: string, choices: readonly string[]): Option {
  const option = new Option(flags, description).default(choices[0]);
  option.argChoices = [...choices];
  return option;
}

/** An argument with a closed set of values. A command itself refuses others. */
function argument(name: string, choices: readonly string[]): Argument {
  const closed = new Argument(name);
  closed.argChoices = [...choices];
  return closed;
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
    throw new Stop(code, message.replace(/^error: /, ""), command);
  });
  command.commands.forEach(stopInsteadOfExit);
}

/** `wrapper routes plan` as its words. */
export function namesOf(command: Command): readonly string[] {
  return command.parent === null ? [command.name()] : [...namesOf(command.parent), command.name()];
}
