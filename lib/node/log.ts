/**
 * The winston logger; sole importer of winston. Loading it costs about as much as the
 * rest of an ADD, so the plugin loads it only for a warning or an error (cmd/log.ts); records look
 * the same either way (lib/node/log-file).
 */
import { Writable } from "node:stream";
import { createLogger, format, transports, type Logger } from "winston";
import { appendLine, formatRecord } from "./log-file";
import type { LogLevel } from "../ports";

/** winston's order of severity restricted to ours. */
const LEVELS = { error: 0, warn: 1, info: 2, debug: 3 };

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Absolute path; undefined: no file. */
  readonly file: string | undefined;
  /** Receives warnings, and why the file cannot be written. */
  readonly stderr: (text: string) => void;
}

/** A winston logger that appends JSON lines to the file and copies warnings to stderr. */
export function createWinston({ level, file, stderr }: LoggerOptions): Logger {
  const append = (line: string): void => {
    const failure = file === undefined ? undefined : appendLine(file, line);
    if (failure !== undefined) stderr(`${failure}\n`);
  };
  const warningsOnly = format((info) => (info.level === "warn" ? info : false));
  return createLogger({
    levels: LEVELS,
    level,
    transports: [
      // One open and one write per record: rotation needs no signal, and parallel wrappers never mix lines.
      new transports.Stream({ stream: sink(append), eol: "", format: asLine }),
      new transports.Stream({
        stream: sink((line) => stderr(`${line}\n`)),
        eol: "",
        format: format.combine(warningsOnly(), asLine),
      }),
    ],
  });
}

/** Resolves when everything logged so far has been written; nothing may be logged afterwards. */
export function flush(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    logger.on("finish", () => setImmediate(resolve));
    logger.end();
  });
}

const asLine = format.printf(({ level, message, ...fields }) =>
  formatRecord(new Date(), level as LogLevel, String(message), fields),
);

function sink(write: (line: string) => void): Writable {
  return new Writable({
    decodeStrings: false,
    write(chunk: unknown, _encoding, done) {
      write(String(chunk));
      done();
    },
  });
}
