/** Unplanned ends: the process never ends without an answer, and never with a false one. */
import { CniError, errorJson, toCniError } from "../lib/cni/error";
import { parseNetconf } from "../lib/cni/request";
import { SUPPORTED_VERSIONS } from "../lib/cni/version";
import { EXIT_FAILED } from "./command";
import type { Io } from "./io";

/** A main function; returns the exit status. */
export type Main = (io: Io) => Promise<number>;

/**
 * Runs `main` and exits with its status: the one exit point, since keep-alive sockets and timers must
 * not hold a runtime up. Should main never end although nothing is left to wait for, or should
 * something be thrown outside of it, the plugin answers with an error JSON and status 1, a command
 * says so on stderr and ends with status 2.
 */
export function runToTheEnd(io: Io, main: Main): void {
  const isPlugin = io.args.length === 0 && (io.env["CNI_COMMAND"] ?? "") !== "";
  const said = isPlugin
    ? remembering(io)
    : { io, input: () => undefined, hasAnswered: () => false };
  const fail = (thrown: unknown): void => {
    const error = toCniError(thrown);
    if (!isPlugin)
      io.stderr(`wrapper: ${error.message}${error.details === "" ? "" : `\n  ${error.details}`}\n`);
    else if (!said.hasAnswered()) answer(io, error, said.input());
    process.exit(isPlugin ? 1 : EXIT_FAILED);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  process.on("beforeExit", () =>
    fail(
      new CniError(
        "internal",
        `internal error: ${nameOf(io)} waits for something that never happens: please report it`,
      ),
    ),
  );
  void main(said.io).then((status) => process.exit(status));
}

function nameOf({ args, env }: Io): string {
  return args[0] ?? env["CNI_COMMAND"] ?? "the process";
}

interface Remembering {
  readonly io: Io;
  readonly input: () => Uint8Array | undefined;
  readonly hasAnswered: () => boolean;
}

/** The same edges, and what passed over them: stdin cannot be read twice, and there is one answer. */
function remembering(io: Io): Remembering {
  let input: Uint8Array | undefined;
  let answered = false;
  return {
    io: {
      ...io,
      readStdin: () => (input = io.readStdin()),
      stdout: (text) => {
        answered = true;
        io.stdout(text);
      },
    },
    input: () => input,
    hasAnswered: () => answered,
  };
}

function answer(io: Io, error: CniError, input: Uint8Array | undefined): void {
  try {
    io.stdout(`${errorJson(error, versionOf(input))}\n`);
  } catch {
    io.stderr(`${error.message}\n`);
  }
}

function versionOf(input: Uint8Array | undefined): string {
  const newest: string = SUPPORTED_VERSIONS[SUPPORTED_VERSIONS.length - 1] ?? "";
  if (input === undefined) return newest;
  try {
    // DEL asks the least of a configuration.
    return parseNetconf(input, "DEL").cniVersion;
  } catch {
    return newest;
  }
}
