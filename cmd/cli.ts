/** The command line: arguments in, exit status out. */
import { toCniError } from "../lib/cni/error";
import { EXIT_FAILED } from "./command";
import { printableIo, type Io } from "./io";
import { createProgram, namesOf, Stop, type Call } from "./program";

/** Runs the command line. Never throws: usage mistakes and failures become a message and status 2. */
export async function runCli(rawIo: Io): Promise<number> {
  const io = printableIo(rawIo);
  const [first, ...rest] = io.args;
  // The library's own `help` knows no actions and answers an unknown name with the help of all.
  return run(
    io,
    first === "help" ? [...rest.filter((name) => name !== "help"), "--help"] : io.args,
  );
}

async function run(io: Io, args: readonly string[]): Promise<number> {
  let status = 0;
  let shown = "";
  const program = createProgram({ stdout: (text) => (shown += text) }, async (call) => {
    status = await runCommand(io, call);
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return status;
  } catch (stop) {
    if (!(stop instanceof Stop)) throw stop;
    if (!["commander.helpDisplayed", "commander.version"].includes(stop.code))
      return misuse(io, stop);
    // The library answers `wrapper nope --help` with the help of `wrapper`.
    if (namesUnknown(stop.command)) return run(io, args.filter(isNoHelpFlag));
    io.stdout(shown);
    return 0;
  }
}

/** True when the first word after a command that only holds others is none of them. */
function namesUnknown({ commands, registeredArguments, args }: Stop["command"]): boolean {
  if (commands.length === 0 || registeredArguments.length > 0) return false;
  const word = args.find((each) => !each.startsWith("-"));
  return word !== undefined && commands.every((command) => command.name() !== word);
}

function isNoHelpFlag(word: string): boolean {
  return !["--help", "-h"].includes(word);
}

async function runCommand(io: Io, { name, load, positionals, values }: Call): Promise<number> {
  try {
    const command = await load();
    return await command(io, positionals, values);
  } catch (thrown) {
    const error = toCniError(thrown);
    io.stderr(
      `wrapper ${name}: ${error.message}${error.details === "" ? "" : `\n  ${error.details}`}\n`,
    );
    return EXIT_FAILED;
  }
}

/** Says what was wrong and what is right, with what the library thinks was meant. */
function misuse(io: Io, { code, message, command }: Stop): number {
  const [problem = "", ...suggestions] = message.split("\n");
  const help = command.helpInformation();
  const [word = ""] = command.args;
  const isName = ["commander.unknownCommand", "commander.help"].includes(code);
  const kind = command.parent === null ? "command" : "action";
  const unknown = word === "" ? `no ${kind}` : `unknown ${kind} "${word}"`;
  const lines = suggestions.map((line) => `${line}\n`).join("");
  if (isName && kind === "action") {
    const actions = command.commands.map((each) => each.name()).join(", ");
    io.stderr(`${namesOf(command).join(" ")}: ${unknown}: use one of ${actions}\n${lines}`);
  } else
    io.stderr(`${namesOf(command).join(" ")}: ${isName ? unknown : problem}\n${lines}\n${help}`);
  return EXIT_FAILED;
}
