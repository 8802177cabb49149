/** The command line: a table of commands, each loaded when it is asked for. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { toCniError } from "../lib/cni/error";
import { printableIo, type Io } from "./io";
import { aboutText } from "./version";

export type Values = Readonly<Record<string, string | boolean | undefined>>;
/** Runs a command and returns the exit status. */
export type RunCommand = (
  io: Io,
  positionals: readonly string[],
  values: Values,
) => Promise<number>;

interface Command {
  readonly usage: string;
  readonly summary: string;
  readonly options: Readonly<
    Record<string, { type: "string" | "boolean"; short?: string; value?: string; help: string }>
  >;
  readonly positionals: number;
  readonly load: () => Promise<RunCommand>;
}

/** Exit status of a command that could not do its work; 1 is kept for "looked, and something is wrong". */
export const EXIT_TROUBLE = 2;

export const COMMANDS: Readonly<Record<string, Command>> = {
  check: {
    usage: "check [NAMESPACE/POD | CONTAINER-ID] [options]",
    summary: "compare the pods' firewall rules with the journal, and run the delegate's CHECK",
    options: {
      conf: {
        type: "string",
        short: "c",
        value: "FILE",
        help: "conflist to read (default: the first one in /etc/cni/net.d with our plugin)",
      },
      output: {
        type: "string",
        short: "o",
        value: "table|json",
        help: "output format (default: table)",
      },
      "cni-path": {
        type: "string",
        value: "DIRS",
        help: "where the delegate plugins are (default: where the pod's ADD looked; for records without that $CNI_PATH, else /opt/cni/bin:/usr/lib/cni:/usr/libexec/cni)",
      },
      "no-delegate": { type: "boolean", help: "do not run the delegate's CHECK" },
    },
    positionals: 1,
    load: async () => (await import("./commands/check")).checkCommand,
  },
  gc: {
    usage: "gc [options]",
    summary: "take down attachments whose sandbox is gone and whose DEL never came",
    options: {
      conf: {
        type: "string",
        short: "c",
        value: "FILE",
        help: "conflist to read (default: the first one in /etc/cni/net.d with our plugin)",
      },
      "dry-run": { type: "boolean", help: "only say what would be removed" },
      "cni-path": {
        type: "string",
        value: "DIRS",
        help: "where the delegate plugins are (default: $CNI_PATH, else /opt/cni/bin:/usr/lib/cni:/usr/libexec/cni)",
      },
    },
    positionals: 0,
    load: async () => (await import("./commands/gc")).gcCommand,
  },
  routes: {
    usage: "routes plan|apply|show|remove|watch|router-config [options]",
    summary: "make the node's rules and routes match the tenants of the conflist",
    options: {
      conf: {
        type: "string",
        short: "c",
        value: "FILE",
        help: "conflist to read (default: the first one in /etc/cni/net.d with our plugin)",
      },
      output: {
        type: "string",
        short: "o",
        value: "table|json",
        help: "output format (default: table)",
      },
      sysctl: {
        type: "boolean",
        help: "plan, apply, watch: change kernel settings too, instead of only checking them",
      },
      force: { type: "boolean", help: "apply, watch: go ahead in spite of collisions" },
      format: { type: "string", value: "FORMAT", help: "router-config: nftables, frr or routeros" },
    },
    positionals: 1,
    load: async () => (await import("./commands/routes")).routesCommand,
  },
  lab: {
    usage: "lab [NAME | all] [options]",
    summary: "prove a topology with real packets, in network namespaces of this machine",
    options: {
      verify: {
        type: "boolean",
        help: "say ok or FAILED for each statement; status 1 when one failed",
      },
      pause: { type: "boolean", help: "wait for Enter before each step" },
      keep: { type: "boolean", help: "leave the machines standing, to look around" },
      remove: { type: "boolean", help: "remove what --keep, or a lab that was killed, left" },
      "cni-path": {
        type: "string",
        value: "DIRS",
        help: "where the CNI plugins are (default: /opt/cni/bin:/usr/lib/cni:/usr/libexec/cni)",
      },
      "api-server": {
        type: "string",
        value: "PROGRAM",
        help: "tenants: serves the pods' annotations (the source's scripts bring one; default: the runtime passes them)",
      },
    },
    // One for people; the rest is for what the labs themselves run (lib/lab/kit/probe).
    positionals: 5,
    load: async () => (await import("./commands/lab")).labCommand,
  },
  selftest: {
    usage: "selftest [options]",
    summary: "prove on this node, in network namespaces, that what the conflist promises holds",
    options: {
      conf: {
        type: "string",
        short: "c",
        value: "FILE",
        help: "conflist to read (default: the first one in /etc/cni/net.d with our plugin)",
      },
      output: {
        type: "string",
        short: "o",
        value: "table|json",
        help: "output format (default: table)",
      },
      "cni-path": {
        type: "string",
        value: "DIRS",
        help: "where the CNI plugins are (default: $CNI_PATH, else /opt/cni/bin:/usr/lib/cni:/usr/libexec/cni)",
      },
    },
    positionals: 0,
    load: async () => (await import("./commands/selftest")).selftestCommand,
  },
  version: {
    usage: "version",
    summary: "print version, commit and the supported CNI versions",
    options: {},
    positionals: 0,
    load: async () => async (io) => {
      io.stdout(aboutText());
      return 0;
    },
  },
};

/** Runs the command line. Never throws: usage mistakes and failures become a message and status 2. */
export async function runCli(rawIo: Io): Promise<number> {
  const io = printableIo(rawIo);
  const [name = "", ...rest] = io.args;
  if (["--help", "-h", "help"].includes(name)) return print(io, helpText());
  if (["--version", "-V"].includes(name)) return print(io, aboutText());
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return misuse(io, `unknown command "${name}"`, helpText());
  if (rest.includes("--help") || rest.includes("-h")) return print(io, commandHelp(command));
  return runCommand(io, name, command, rest);
}

async function runCommand(
  io: Io,
  name: string,
  command: Command,
  rest: readonly string[],
): Promise<number> {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...rest],
      options: command.options as NonNullable<ParseArgsConfig["options"]>,
      allowPositionals: true,
    });
    if (parsed.positionals.length > command.positionals)
      throw new Error(`too many arguments: ${parsed.positionals.join(" ")}`);
  } catch (error) {
    return misuse(io, (error as Error).message, commandHelp(command));
  }
  try {
    const run = await command.load();
    return await run(io, parsed.positionals, parsed.values as Values);
  } catch (thrown) {
    const error = toCniError(thrown);
    io.stderr(
      `wrapper ${name}: ${error.message}${error.details === "" ? "" : `\n  ${error.details}`}\n`,
    );
    return EXIT_TROUBLE;
  }
}

/** What `wrapper --help` prints. */
export function helpText(): string {
  const commands = Object.entries(COMMANDS).map(
    ([name, command]) => `  ${name.padEnd(10)} ${command.summary}`,
  );
  return [
    "wrapper: the tenant-routing CNI plugin's command line",
    "",
    "Usage: wrapper COMMAND [options]",
    "",
    "Commands:",
    ...commands,
    "",
    "wrapper COMMAND --help tells more. Exit status: 0 all good, 1 something is wrong, 2 could not look.",
    "Run by a container runtime (CNI_COMMAND set, no arguments), this binary is the CNI plugin.",
    "",
  ].join("\n");
}

/** What `wrapper COMMAND --help` prints. */
export function commandHelp(command: Command): string {
  const options = Object.entries(command.options).map(([name, option]) => {
    const flag = `${option.short === undefined ? "    " : `-${option.short}, `}--${name}${option.value === undefined ? "" : ` ${option.value}`}`;
    return `  ${flag.padEnd(28)} ${option.help}`;
  });
  const section = options.length === 0 ? [] : ["", "Options:", ...options];
  return [`Usage: wrapper ${command.usage}`, "", command.summary, ...section, ""].join("\n");
}

function print(io: Io, text: string): number {
  io.stdout(text);
  return 0;
}

function misuse(io: Io, problem: string, usage: string): number {
  io.stderr(`wrapper: ${problem}\n\n${usage}`);
  return EXIT_TROUBLE;
}
